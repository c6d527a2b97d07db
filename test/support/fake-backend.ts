import type { Backend, BackendCapabilities, PowerChange, Registration, Stray } from '#core/contracts/backend.js';
import type { Machine, MachineDescription, MachineId, OutdatedDefinition, StopMode } from '#core/contracts/machine.js';
import type { Clock } from '#core/contracts/clock.js';
import type { Milliseconds } from '#core/contracts/milliseconds.js';
import { JitsuError } from '#core/errors.js';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { FakeHypervisor, type FakeDefinition, type FakeMachine } from './fake-hypervisor.js';

export const fakeOptions = z.strictObject({
  name: z.string().min(1).describe('The name of the machine'),
  version: z.number().default(1).describe('Which of its definitions this is'),
  stubborn: z.boolean().default(false).describe('Whether it ignores being asked to shut down'),
});

export type FakeOptions = z.output<typeof fakeOptions>;

export type FakeOperation = 'register' | 'describe' | 'start' | 'resume' | 'unpause' | 'stop';

/**
 * A backend whose machines are entries of a {@link FakeHypervisor}.
 *
 * Operations take as long as `latency` says, by the clock. `failNext('start', error)` makes the next start fail after
 * that time, `kill` and `hypervisor.change` do things behind its back, `calls` tells what was asked of it
 * (`start web`, `stop web destroy`). The latency of `stop` is that of every mode.
 */
export class FakeBackend implements Backend<FakeOptions> {
  readonly capabilities: BackendCapabilities = {
    stopModes: ['destroy', 'shutdown', 'suspend'],
    bootConfigurators: false,
  };
  readonly calls: string[] = [];
  readonly latency: Partial<Record<FakeOperation, Milliseconds>> = {};
  readonly #registered = new Map<MachineId, FakeDefinition>();
  /** Those that are registered by others. */
  readonly #left = new Set<MachineId>();
  readonly #failures = new Map<FakeOperation, unknown[]>();
  readonly #listeners = new Set<(change: PowerChange) => void>();
  /** Set by tests of a backend that finds out addresses. */
  addresses?: (id: MachineId) => Promise<readonly string[]>;
  /** Set by tests of a Jitsu that gives up root. */
  beforeDrop?: () => Promise<void>;
  #connection: Disposable | undefined;

  constructor(
    private readonly clock: Clock,
    readonly hypervisor: FakeHypervisor = new FakeHypervisor(),
  ) {}

  async connect(): Promise<void> {
    if (!this.hypervisor.reachable) throw unreachable();
    this.#connection ??= this.hypervisor.connect((change) => this.#hear(change));
    for (const id of this.#registered.keys()) this.tell({ id, state: this.#machine(id).state });
  }

  async close(): Promise<void> {
    this.#connection?.[Symbol.dispose]();
    this.#connection = undefined;
  }

  async register({ name, options, addresses = [] }: Registration<Partial<FakeOptions>>): Promise<MachineId> {
    await this.#do('register', name);
    const { id } = this.hypervisor.define(options.name ?? name, options.stubborn);
    this.#registered.set(id, { version: options.version ?? 1, addresses });
    return id;
  }

  async machine(registration: Registration<Partial<FakeOptions>>): Promise<Machine> {
    const id = await this.register(registration);
    const { addresses } = this;
    return {
      id,
      describe: () => this.describe(id),
      start: () => this.start(id),
      resume: () => this.resume(id),
      unpause: () => this.unpause(id),
      stop: (mode, signal) => this.stop(id, mode, signal),
      ...(addresses && { addresses: () => addresses.call(this, id) }),
    };
  }

  async describe(id: MachineId): Promise<MachineDescription> {
    const machine = this.#machine(id);
    await this.#do('describe', machine.name);
    const { name, state, domainId, macs, detail } = machine;
    const outdated = machine.outdated ?? this.outdated(machine);
    return {
      name,
      state,
      macs,
      ...(domainId === undefined ? {} : { domainId }),
      ...(detail === undefined ? {} : { detail }),
      ...(outdated === undefined ? {} : { outdated }),
    };
  }

  async start(id: MachineId): Promise<void> {
    const machine = this.#machine(id);
    await this.#do('start', machine.name);
    if (machine.state !== 'off') return;
    this.hypervisor.change(machine.id, 'running');
    machine.startedAs = this.#registered.get(id);
  }

  async resume(id: MachineId): Promise<void> {
    const machine = this.#machine(id);
    await this.#do('resume', machine.name);
    if (machine.state === 'suspended') this.hypervisor.change(id, 'running');
  }

  async unpause(id: MachineId): Promise<void> {
    const machine = this.#machine(id);
    await this.#do('unpause', machine.name);
    if (machine.state === 'paused') this.hypervisor.change(id, 'running');
  }

  async stop(id: MachineId, mode: StopMode, signal: AbortSignal): Promise<void> {
    const machine = this.#machine(id);
    if (machine.state !== 'off' && mode === 'shutdown' && machine.stubborn) {
      this.calls.push(`stop ${machine.name} ${mode}`);
      await this.clock.sleep(Infinity, signal);
    }
    await this.#do('stop', machine.name, mode, signal);
    if (machine.state !== 'off') this.hypervisor.change(id, mode === 'suspend' ? 'suspended' : 'off');
  }

  watch(listener: (change: PowerChange) => void): Disposable {
    const own = (change: PowerChange): void => listener(change);
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => this.#listeners.delete(own) };
  }

  /** Makes the next such operation, or the next after those already scripted, reject with this. */
  failNext(operation: FakeOperation, error: unknown): void {
    this.#failures.set(operation, [...(this.#failures.get(operation) ?? []), error]);
  }

  /** The machine dies by itself. */
  kill(id: MachineId, detail = 'crashed'): void {
    this.hypervisor.change(id, 'off', detail);
  }

  /** What has changed since a backend has started it. */
  outdated({ id, state, startedAs }: FakeMachine): OutdatedDefinition | undefined {
    const now = this.#registered.get(id);
    if (state === 'off' || startedAs === undefined || now === undefined || isDeepStrictEqual(startedAs, now))
      return undefined;
    return { changed: startedAs.version === now.version ? 'ip' : 'version', addresses: startedAs.addresses };
  }

  async #do(operation: FakeOperation, name: string, words?: string, signal?: AbortSignal): Promise<void> {
    this.calls.push([operation, name, words].filter((word) => word !== undefined).join(' '));
    if (this.#connection === undefined || !this.hypervisor.reachable) throw unreachable();
    const latency = this.latency[operation] ?? 0;
    if (latency > 0) await this.clock.sleep(latency, signal);
    const failures = this.#failures.get(operation) ?? [];
    if (failures.length > 0) throw failures.shift();
  }

  #machine(id: MachineId): FakeMachine {
    const machine = this.#registered.has(id) || this.#left.has(id) ? this.hypervisor.machines.get(id) : undefined;
    if (machine !== undefined) return machine;
    throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', `The fake backend has no unikernel ${id}.`);
  }

  #hear(change: PowerChange | 'lost' | 'back'): void {
    if (typeof change === 'object') {
      if (this.#registered.has(change.id) || this.#left.has(change.id)) this.tell(change);
      return;
    }
    for (const id of this.#registered.keys())
      this.tell({ id, state: change === 'lost' ? 'unknown' : this.#machine(id).state });
  }

  async strays(): Promise<readonly Stray[]> {
    const left = [...this.hypervisor.machines.values()].filter(
      ({ id, state, startedAs }) => state !== 'off' && startedAs !== undefined && !this.#registered.has(id),
    );
    for (const { id } of left) this.#left.add(id);
    return left.map(({ id, name, startedAs }) => ({
      name,
      addresses: startedAs?.addresses,
      machine: {
        id,
        describe: () => this.describe(id),
        start: () => Promise.reject(new Error('nobody starts what is left')),
        stop: (mode, signal) => this.stop(id, mode, signal),
      },
    }));
  }

  /** Says so, whether it is true or not. */
  tell(change: PowerChange): void {
    for (const listener of [...this.#listeners]) if (this.#listeners.has(listener)) listener(change);
  }
}

function unreachable(): JitsuError {
  return new JitsuError('JITSU_BACKEND_UNREACHABLE', 'The fake hypervisor does not answer.');
}
