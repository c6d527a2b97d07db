import type { Backend, BackendCapabilities, PowerChange, Registration } from '../contracts/backend.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Machine, MachineDescription, MachineId, PowerState, StopMode } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import { BackOff } from '../plugin-kit/back-off.js';
import { untilAborted } from '../plugin-kit/until-aborted.js';
import { checkAddresses, checkChange, checkDescription, checkMachine } from './backend-values.js';

/**
 * The first and the longest interval at which a machine that was asked to stop is looked at, unless its backend reports
 * it.
 */
const FIRST_LOOK: Milliseconds = 20;
const SLOWEST_LOOK: Milliseconds = 1_000;

/**
 * How long a stop waits for an earlier operation that hangs, and how long a backend may take to destroy a machine, or
 * until it has stopped after another mode. A shutdown lasts as long as its signal.
 */
export const STOP_LIMIT: Milliseconds = 60_000;

/** A machine in one of these states has not stopped yet. */
const UP: ReadonlySet<PowerState> = new Set<PowerState>(['running', 'starting', 'stopping']);

/**
 * One connection to a backend as the core uses it. Errors of the plugin become JitsuErrors, its values are checked,
 * each state is reported once, and the operations on one machine run one after the other.
 */
export class GuardedBackend {
  readonly capabilities: BackendCapabilities;
  readonly #starts = new Map<MachineId, Promise<void>>();
  /** The last operation on each machine that has not ended. */
  readonly #turns = new Map<MachineId, { readonly turn: Promise<unknown>; readonly since: Milliseconds }>();
  /** The last state reported of each machine. */
  readonly #told = new Map<MachineId, PowerState>();
  readonly #listeners = new Set<(change: PowerChange) => void>();
  /** The stops that wait for a change of their machine; one each, since its operations run one after the other. */
  readonly #waiting = new Map<MachineId, () => void>();
  #watch: Disposable | undefined;

  /** `name` is the name of the connection. */
  constructor(
    readonly name: string,
    private readonly backend: Backend,
    readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.capabilities = backend.capabilities;
  }

  async connect(): Promise<void> {
    try {
      await this.backend.connect();
    } catch (error) {
      throw this.failure(error, 'fails to connect');
    }
  }

  async close(): Promise<void> {
    try {
      await this.backend.close();
    } catch (error) {
      throw this.failure(error, 'fails to close');
    } finally {
      this.#watch?.[Symbol.dispose]();
      this.#watch = undefined;
    }
  }

  /** The machine of a unikernel as the backend hands it out: to be used only through {@link guard}. */
  async machine(registration: Registration): Promise<Machine> {
    try {
      const machine = await this.backend.machine(registration);
      checkMachine(machine);
      return machine;
    } catch (error) {
      throw this.failure(error, `fails to find or define ${registration.name}`);
    }
  }

  /** Made for each use: it has no state, and a million unikernels that are off need none. */
  guard(machine: Machine, unikernel: string): GuardedMachine {
    return new GuardedMachine(this, machine, unikernel);
  }

  /** Whether the backend reports changes by itself. */
  get isWatched(): boolean {
    return this.backend.watch !== undefined;
  }

  /** Reports each change once; `undefined` where the backend reports none. */
  watch(listener: (change: PowerChange) => void): Disposable | undefined {
    if (!this.isWatched) return undefined;
    this.#watchBackend();
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Starts a machine; concurrent callers share one start. */
  startOnce(id: MachineId, start: () => Promise<void>): Promise<void> {
    const shared = this.#starts.get(id);
    if (shared !== undefined) return shared;
    const started = start().finally(() => this.#starts.delete(id));
    this.#starts.set(id, started);
    return started;
  }

  /**
   * Runs one operation on a machine after all earlier ones, whether those succeed or fail. With a limit, it does not
   * wait for an operation that was requested longer ago than that.
   */
  inTurn<T>(id: MachineId, operation: () => Promise<T>, limit: Milliseconds = Infinity): Promise<T> {
    const earlier = this.#turns.get(id);
    const ended = earlier && limit !== Infinity ? this.#ended(earlier, limit) : earlier?.turn;
    const turn = ended === undefined ? operation() : ended.then(operation, operation);
    this.#turns.set(id, { turn, since: this.clock.now() });
    const leave = (): void => {
      if (this.#turns.get(id)?.turn === turn) this.#turns.delete(id);
    };
    turn.then(leave, leave);
    return turn;
  }

  /** Calls back at each change of a machine until it is disposed. */
  onChange(id: MachineId, callback: () => void): Disposable {
    if (this.isWatched) this.#watchBackend();
    this.#waiting.set(id, callback);
    return { [Symbol.dispose]: () => this.#waiting.delete(id) };
  }

  /** @throws JITSU_STOP_MODE_UNSUPPORTED for a mode that is not among the capabilities; the message names the unikernel */
  checkStopMode(unikernel: string, mode: StopMode): void {
    const { stopModes } = this.capabilities;
    if (stopModes.includes(mode)) return;
    const message = `The backend ${this.name} of ${unikernel} has no stop mode '${mode}'. It has: ${stopModes.join(', ')}.`;
    throw new JitsuError('JITSU_STOP_MODE_UNSUPPORTED', message);
  }

  /** A backend's error as a JitsuError; `what` completes "The backend NAME ...". */
  failure(error: unknown, what: string): Error {
    // Recognised by its code, since a plugin may have another copy of the core.
    if (error instanceof Error && errorCode(error)?.startsWith('JITSU_') === true) return error;
    const message = `The backend ${this.name} ${what}: ${errorMessage(error)}`;
    return new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
  }

  /** Resolves when the operation has ended, or the limit has passed since it was requested. */
  #ended({ turn, since }: { turn: Promise<unknown>; since: Milliseconds }, limit: Milliseconds): Promise<void> {
    return new Promise((resolve) => {
      const overdue = this.clock.after(since + limit - this.clock.now(), resolve);
      const end = (): void => (overdue[Symbol.dispose](), resolve());
      turn.then(end, end);
    });
  }

  #watchBackend(): void {
    this.#watch ??= this.backend.watch?.((change) => this.#hear(change));
  }

  #hear(change: PowerChange): void {
    try {
      checkChange(change);
    } catch (error) {
      this.logger.error({}, this.failure(error, 'tells of a change').message);
      return;
    }
    const { id, state } = change;
    if (this.#told.get(id) === state) return;
    this.#told.set(id, state);
    this.#waiting.get(id)?.();
    for (const listener of this.#listeners) listener(change);
  }
}

/** A machine as the core uses it: see {@link GuardedBackend}. */
export class GuardedMachine implements Required<Machine> {
  constructor(
    private readonly backend: GuardedBackend,
    private readonly machine: Machine,
    private readonly unikernel: string,
  ) {}

  get id(): MachineId {
    return this.machine.id;
  }

  async describe(): Promise<MachineDescription> {
    try {
      const description = await this.machine.describe();
      checkDescription(description);
      return description;
    } catch (error) {
      throw this.#failure(error, 'looked at');
    }
  }

  start(): Promise<void> {
    return this.backend.startOnce(this.id, () => this.#perform('started', async () => this.machine.start()));
  }

  resume(): Promise<void> {
    return this.#perform('resumed', async () => this.machine.resume?.());
  }

  unpause(): Promise<void> {
    return this.#perform('unpaused', async () => this.machine.unpause?.());
  }

  /**
   * Resolves when the machine has stopped; rejects with the signal's reason when it aborts first.
   * @throws JITSU_STOP_MODE_UNSUPPORTED; JITSU_BACKEND_FAILED also where the machine still runs after {@link STOP_LIMIT}
   */
  async stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    this.backend.checkStopMode(this.unikernel, mode);
    signal.throwIfAborted();
    const stop = async (): Promise<void> => {
      signal.throwIfAborted();
      // How long saving a machine's memory takes depends on its size: only what follows the call is limited.
      if (mode === 'shutdown' || mode === 'destroy')
        await this.#stopped(mode, signal, () => this.machine.stop(mode, signal));
      else {
        await untilAborted(this.machine.stop(mode, signal), signal);
        await this.#stopped(mode, signal, async () => undefined);
      }
    };
    // A start that hangs does not delay a stop without limit. A start never overtakes one, so that there is one boot at
    // a time.
    const stopped = this.#perform('stopped', stop, mode === 'shutdown' ? Infinity : STOP_LIMIT);
    // The operations before it do not listen to this signal.
    await untilAborted(stopped, signal);
  }

  /** Empty where the backend does not find addresses. */
  async addresses(): Promise<readonly string[]> {
    try {
      const addresses = (await this.machine.addresses?.()) ?? [];
      checkAddresses(addresses);
      return addresses;
    } catch (error) {
      throw this.#failure(error, 'asked for its addresses');
    }
  }

  async #perform(done: string, operation: () => Promise<void>, limit?: Milliseconds): Promise<void> {
    try {
      await this.backend.inTurn(this.id, operation, limit);
    } catch (error) {
      throw this.#failure(error, done);
    }
  }

  /** Waits for the call, and until the machine has stopped; within the limit, unless it is a shutdown. */
  async #stopped(mode: StopMode, signal: AbortSignal, call: () => Promise<void>): Promise<void> {
    if (mode === 'shutdown') {
      await untilAborted(call(), signal);
      return this.#untilStopped(mode, signal);
    }
    const limit = new AbortController();
    using _limit = this.backend.clock.after(STOP_LIMIT, () => limit.abort(this.#stillRuns(mode)));
    const patience = AbortSignal.any([signal, limit.signal]);
    await untilAborted(call(), patience);
    await this.#untilStopped(mode, patience);
  }

  /** Waits until a guest that was asked to stop has stopped. */
  async #untilStopped(mode: StopMode, signal: AbortSignal): Promise<void> {
    const backOff = new BackOff(FIRST_LOOK, SLOWEST_LOOK);
    for (let looks = 1; ; looks += 1) {
      const changed = new AbortController();
      // Before the look, so that no change in between is missed.
      using _watch = this.backend.onChange(this.id, () => changed.abort());
      const { state, detail } = await untilAborted(this.describe(), signal);
      if (mode === 'shutdown' && state === 'unknown') throw this.#lost(detail);
      if (mode === 'shutdown' ? state === 'off' : !UP.has(state)) return;
      const pause = this.backend.clock.sleep(backOff.after(looks), AbortSignal.any([signal, changed.signal]));
      await pause.catch(() => signal.throwIfAborted());
    }
  }

  #stillRuns(mode: StopMode): JitsuError {
    const message = `${this.unikernel} still runs ${STOP_LIMIT / 1_000} s after the backend ${this.backend.name} was asked to stop it by '${mode}'. Look at it with the backend's own tools.`;
    return new JitsuError('JITSU_BACKEND_FAILED', message);
  }

  #lost(detail = 'its state is unknown'): JitsuError {
    const message = `The backend ${this.backend.name} cannot tell whether ${this.unikernel} has stopped: ${detail}`;
    return new JitsuError('JITSU_BACKEND_UNREACHABLE', message);
  }

  #failure(error: unknown, done: string): Error {
    return this.backend.failure(error, `fails when ${this.unikernel} is ${done}`);
  }
}
