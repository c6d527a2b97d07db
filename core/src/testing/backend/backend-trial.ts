import assert from 'node:assert/strict';
import type { Backend, PowerChange } from '../../contracts/backend.js';
import type { Machine, MachineId, PowerState, StopMode } from '../../contracts/machine.js';
import { SystemClock } from '../../clock.js';
import type { Logger } from '../../contracts/logger.js';
import { GuardedBackend, type GuardedMachine } from '../../lifecycle/guarded-backend.js';
import type { BackendHarness } from './backend-harness.js';
import { eventually, PATIENCE } from '../eventually.js';

/**
 * The backend of one test: its connections, which are closed at the end, and the steps that tests share. Backends and
 * machines are wrapped in the core's own checks, as in production.
 */
export class BackendTrial {
  readonly #open: GuardedBackend[] = [];
  readonly #watches: Disposable[] = [];
  readonly #complaints: string[] = [];

  constructor(readonly harness: BackendHarness) {}

  /** Creates and connects an instance. */
  async connect(): Promise<GuardedBackend> {
    return this.#connect(await this.harness.connection());
  }

  /** Creates and connects an instance with a machine, both without the checks of the core. */
  async unguarded(): Promise<{ backend: Backend; machine: Machine }> {
    const backend = await this.harness.connection();
    await this.#connect(backend);
    const options = this.harness.schema.parse(this.harness.machine('alpha'));
    return { backend, machine: await backend.machine({ name: 'alpha', options }) };
  }

  /** Requests a machine with options in the form of the configuration. */
  async machine(
    backend: GuardedBackend,
    name = 'alpha',
    options = this.harness.machine(name),
  ): Promise<GuardedMachine> {
    return backend.guard(await backend.machine({ name, options: this.harness.schema.parse(options) }), name);
  }

  /** A connected instance with a running machine; for the mode `shutdown`, its guest has booted. */
  async running({
    mode,
    options = this.harness.machine('alpha', mode),
  }: { mode?: StopMode; options?: object } = {}): Promise<{
    backend: GuardedBackend;
    machine: GuardedMachine;
    domainId: number | undefined;
  }> {
    const backend = await this.connect();
    const machine = await this.machine(backend, 'alpha', options);
    await machine.start();
    const { domainId } = await this.until(machine, 'running');
    if (mode === 'shutdown') await this.harness.booted?.('alpha', machine.id);
    return { backend, machine, domainId };
  }

  /** Waits until the machine is in the given state; returns its description. */
  async until(machine: GuardedMachine, state: PowerState) {
    return eventually(async () => {
      const description = await machine.describe();
      assert.equal(description.state, state, `state '${description.state}' (${description.detail ?? 'no detail'})`);
      return description;
    }, this.patience);
  }

  /** Stops the machine, with the suite's timeout. */
  async stop(machine: GuardedMachine, mode: StopMode): Promise<void> {
    await machine.stop(mode, AbortSignal.timeout(this.patience));
  }

  /** Watches the backend; received changes are appended to the returned list. */
  watch(backend: GuardedBackend): PowerChange[] {
    const changes: PowerChange[] = [];
    const watch = backend.watch((change) => changes.push(change));
    assert.ok(watch, 'a backend that watches has the method');
    this.#watches.push(watch);
    return changes;
  }

  /** Asserts the number of running machines in the system itself, if the harness can count them. */
  async counts(expected: number, id: MachineId, name = 'alpha'): Promise<void> {
    // What was started just now may not show yet what it is: a process that is being executed has no environment.
    const count = await eventually(async () => {
      const found = (await this.harness.count?.(name, id)) ?? expected;
      assert.ok(found >= expected, `${found} machines of ${name} run`);
      return found;
    }, this.patience);
    assert.equal(count, expected, `${count} machines of ${name} run`);
  }

  /** A stop mode that turns the machine off. */
  get ending(): StopMode {
    const modes = Object.entries(this.harness.stopModes);
    const mode = modes.find(([name]) => name === 'destroy') ?? modes.find(([, state]) => state === 'off');
    assert.ok(mode, 'a harness needs one stop mode after which a machine is off');
    return mode[0];
  }

  get patience(): number {
    return this.harness.patience ?? PATIENCE;
  }

  /** Closes everything that the test opened. */
  async end(): Promise<void> {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    for (const backend of this.#open) await backend.close();
    assert.deepEqual(this.#complaints, []);
  }

  async #connect(backend: Backend): Promise<GuardedBackend> {
    const guarded = new GuardedBackend('under test', backend, new SystemClock(), this.#logger());
    this.#open.push(guarded);
    await guarded.connect();
    return guarded;
  }

  /** The core logs repeated changes of state; here such a line fails the test. */
  #logger(): Logger {
    const complain = (_fields: object, message: string): void => void this.#complaints.push(message);
    const ignore = (): void => undefined;
    const logger: Logger = { debug: ignore, info: ignore, warn: complain, error: complain, child: () => logger };
    return logger;
  }
}
