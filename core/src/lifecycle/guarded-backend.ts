import { inspect } from 'node:util';
import type { Backend, BackendCapabilities, PowerChange, Registration, Stray } from '../contracts/backend.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type {
  Execution,
  HeldListener,
  Machine,
  MachineDescription,
  MachineId,
  PowerState,
  StopMode,
} from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import { BackOff } from '../plugin-kit/back-off.js';
import { untilAborted } from '../plugin-kit/until-aborted.js';
import {
  checkCapabilities,
  checkChange,
  checkDescription,
  checkExecution,
  checkLines,
  checkListener,
  checkMachine,
  checkStrays,
  usableAddresses,
} from './backend-values.js';
import { DisposableClock } from './disposable-clock.js';

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

/** How much is shown of what a machine has written last: lines, and characters of each. */
const MOST_LINES = 20;
const LONGEST_LINE = 4_096;

/** How long a backend may take to describe a machine. */
const DESCRIBE_LIMIT: Milliseconds = 60_000;

/** How long a backend may take to start, resume or unpause a machine, or to save its memory. */
export const CALL_LIMIT: Milliseconds = 900_000;

/** An operation on a machine that has not ended. */
interface Operation {
  readonly ended: Promise<void>;
  readonly since: Milliseconds;
}

/** A wait for a description. */
interface Wait {
  readonly expire: () => void;
  /** Its index among the waits without a timer. */
  place: number;
  limit: Disposable | undefined;
}

/** A machine in one of these states has not stopped yet. */
const UP: ReadonlySet<PowerState> = new Set<PowerState>(['running', 'starting', 'stopping']);

/**
 * One connection to a backend as the core uses it. Errors of the plugin become JitsuErrors, its values are checked,
 * each state is reported once, and the operations on one machine run one after the other.
 */
export class GuardedBackend {
  readonly capabilities: BackendCapabilities;
  readonly #starts = new Map<MachineId, Operation>();
  /** The last operation on each machine that has not ended. */
  readonly #turns = new Map<MachineId, Operation>();
  /** The last state reported of each machine, with its domain id where the backend tells that. */
  readonly #told = new Map<MachineId, string>();
  readonly #listeners = new Set<(change: PowerChange) => void>();
  /** The stops that wait for a change of their machine; one each, since its operations run one after the other. */
  readonly #waiting = new Map<MachineId, () => void>();
  /** The waits for descriptions that have begun in this turn of the event loop and have not ended. */
  readonly #waits: Wait[] = [];
  /** Whether they get their timers at the end of this turn. */
  #limiting = false;
  #watch: Disposable | undefined;
  readonly clock: DisposableClock;

  /** `name` is the name of the connection. @throws JITSU_BACKEND_FAILED */
  constructor(
    readonly name: string,
    private readonly backend: Backend,
    clock: Clock,
    private readonly logger: Logger,
  ) {
    this.clock = new DisposableClock(clock);
    try {
      this.capabilities = backend.capabilities;
      checkCapabilities(this.capabilities);
    } catch (error) {
      throw this.failure(error, 'fails to tell its capabilities');
    }
  }

  /** What it knows of the traffic to its machines, as the plugin gives it. */
  get activity(): Backend['activity'] {
    return this.backend.activity;
  }

  /** Who holds packets for its machines, as the plugin gives it. */
  get doorman(): Backend['doorman'] {
    return this.backend.doorman;
  }

  /** Why it needs root after the start. */
  get needsRoot(): string | undefined {
    return this.backend.needsRoot;
  }

  async connect(): Promise<void> {
    try {
      await this.backend.connect();
    } catch (error) {
      throw this.failure(error, 'fails to connect');
    }
  }

  /** Closes the connection for good. Nothing is limited any more: see {@link DisposableClock}. */
  async close(): Promise<void> {
    this.clock[Symbol.dispose]();
    try {
      await this.backend.close();
    } catch (error) {
      throw this.failure(error, 'fails to close');
    } finally {
      this.#watch?.[Symbol.dispose]();
      this.#watch = undefined;
    }
  }

  /** Whether something of it needs root later, which `beforeDrop` hands over. */
  get handsOver(): boolean {
    return this.backend.beforeDrop !== undefined;
  }

  /** To be called before Jitsu gives up root. */
  async beforeDrop(): Promise<void> {
    try {
      await this.backend.beforeDrop?.();
    } catch (error) {
      throw this.failure(error, 'fails to hand over what needs root');
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

  /** Whether it can tell of machines that are no unikernel's any more. */
  get knowsStrays(): boolean {
    return this.backend.strays !== undefined;
  }

  /** As `Backend.strays`: to be used only through {@link guard}. */
  async strays(): Promise<readonly Stray[]> {
    try {
      const strays = (await this.backend.strays?.()) ?? [];
      checkStrays(strays);
      return strays;
    } catch (error) {
      throw this.failure(error, 'fails to tell what runs that is not configured any more');
    }
  }

  /** As `Backend.allow`; undefined also where the backend has nothing to allow. */
  async allow(registration: Registration): Promise<Execution | undefined> {
    try {
      const execution = await this.backend.allow?.(registration);
      checkExecution(execution);
      return execution;
    } catch (error) {
      throw this.failure(error, `fails to say what ${registration.name} will take`);
    }
  }

  /** Whether its machines can be asked for without changing anything. */
  get canCheck(): boolean {
    return this.backend.check !== undefined;
  }

  /** As `Backend.check`. */
  async check(registration: Registration): Promise<void> {
    try {
      await this.backend.check?.(registration);
    } catch (error) {
      throw this.failure(error, `fails to check ${registration.name}`);
    }
  }

  /** As `Backend.hostMemory`; `undefined` where the backend has no such method. */
  async hostMemory(): Promise<number | undefined> {
    try {
      const bytes: unknown = await this.backend.hostMemory?.();
      if (bytes === undefined || (Number.isSafeInteger(bytes) && (bytes as number) > 0))
        return bytes as number | undefined;
      throw new Error(`it returned ${inspect(bytes)}, and a number of bytes or undefined was expected`);
    } catch (error) {
      throw this.failure(error, 'fails to tell the memory of its computer');
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

  /** Starts a machine; concurrent callers share one start, but not one that hangs for longer than {@link CALL_LIMIT}. */
  startOnce(id: MachineId, start: () => Promise<void>): Promise<void> {
    const now = this.clock.now();
    const shared = this.#starts.get(id);
    if (shared !== undefined && now - shared.since < CALL_LIMIT) return shared.ended;
    const ended = start().finally(() => {
      if (this.#starts.get(id)?.ended === ended) this.#starts.delete(id);
    });
    this.#starts.set(id, { ended, since: now });
    return ended;
  }

  /**
   * Runs one operation on a machine after all earlier ones, whether those succeed or fail. It does not wait for one that
   * was requested longer ago than the limit.
   */
  inTurn(id: MachineId, operation: () => Promise<void>, limit: Milliseconds): Promise<void> {
    const earlier = this.#turns.get(id);
    const ended = earlier === undefined ? operation() : this.#overdue(earlier, limit).then(operation);
    this.#turns.set(id, { ended, since: this.clock.now() });
    const leave = (): void => {
      if (this.#turns.get(id)?.ended === ended) this.#turns.delete(id);
    };
    ended.then(leave, leave);
    return ended;
  }

  /**
   * The answer, or an error where it takes longer than {@link DESCRIBE_LIMIT}. A timer is made only for one that takes
   * longer than this turn of the event loop: a start describes each of a million machines.
   */
  answered<T>(answer: T | Promise<T>, silent: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait: Wait = { expire: () => reject(silent()), place: this.#waits.length, limit: undefined };
      this.#waits.push(wait);
      Promise.resolve(answer).then(
        (value) => (this.#endWait(wait), resolve(value)),
        (error: unknown) => (this.#endWait(wait), reject(error as Error)),
      );
      if (this.#limiting) return;
      this.#limiting = true;
      setImmediate(() => this.#limitWaits());
    });
  }

  /** Calls back at each change of a machine until it is disposed. */
  onChange(id: MachineId, callback: () => void): Disposable {
    this.#watchBackend();
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
  #overdue({ ended, since }: Operation, limit: Milliseconds): Promise<void> {
    return new Promise((resolve) => {
      const overdue = this.clock.after(since + limit - this.clock.now(), resolve);
      const end = (): void => (overdue[Symbol.dispose](), resolve());
      ended.then(end, end);
    });
  }

  /** Removes a wait at once: kept until the end of the turn, a million of them would fill the old space of the heap. */
  #endWait(wait: Wait): void {
    if (wait.limit !== undefined) return wait.limit[Symbol.dispose]();
    const last = this.#waits.pop() as Wait;
    if (last === wait) return;
    this.#waits[wait.place] = last;
    last.place = wait.place;
  }

  #limitWaits(): void {
    this.#limiting = false;
    for (const wait of this.#waits.splice(0)) wait.limit = this.clock.after(DESCRIBE_LIMIT, wait.expire);
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
    const { id, state, domainId } = change;
    const told = domainId === undefined ? state : `${state} ${domainId}`;
    if (this.#told.get(id) === told) return;
    this.#told.set(id, told);
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

  /** @throws JITSU_BACKEND_FAILED also where the backend does not answer within {@link DESCRIBE_LIMIT} */
  async describe(): Promise<MachineDescription> {
    try {
      const description = await this.backend.answered(this.machine.describe(), () => this.#silent());
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
   * @throws JITSU_STOP_MODE_UNSUPPORTED; JITSU_BACKEND_FAILED also where the machine still runs after
   *   {@link STOP_LIMIT}, and where its memory has not been saved within {@link CALL_LIMIT}
   */
  async stop(mode: StopMode, signal: AbortSignal): Promise<void> {
    this.backend.checkStopMode(this.unikernel, mode);
    signal.throwIfAborted();
    const stop = async (): Promise<void> => {
      signal.throwIfAborted();
      const call = (patience: AbortSignal): Promise<void> => untilAborted(this.machine.stop(mode, signal), patience);
      const wait = (patience: AbortSignal): Promise<void> => this.#untilStopped(mode, patience);
      if (mode === 'shutdown') {
        await call(signal);
        await wait(signal);
      } else if (mode === 'destroy') {
        await this.#within(STOP_LIMIT, mode, signal, (patience) => call(patience).then(() => wait(patience)));
      } else {
        // How long saving a machine's memory takes depends on its size.
        await this.#within(CALL_LIMIT, mode, signal, call);
        await this.#within(STOP_LIMIT, mode, signal, wait);
      }
    };
    // A start that hangs does not delay a stop without limit. A start overtakes only what hangs for much longer, so that
    // there is one boot at a time.
    const stopped = this.#perform('stopped', stop, mode === 'shutdown' ? Infinity : STOP_LIMIT);
    // The operations before it do not listen to this signal.
    await untilAborted(stopped, signal);
  }

  /** Empty where the backend does not find addresses, or none that a service can have. */
  async addresses(): Promise<readonly string[]> {
    try {
      return usableAddresses((await this.machine.addresses?.()) ?? []);
    } catch (error) {
      throw this.#failure(error, 'asked for its addresses');
    }
  }

  /** Empty also where the backend does not know what the machine writes. */
  async recentOutput(): Promise<readonly string[]> {
    try {
      const lines = await this.backend.answered(this.machine.recentOutput?.() ?? [], () => this.#silent());
      checkLines(lines);
      return lines.slice(-MOST_LINES).map((line) => line.slice(0, LONGEST_LINE));
    } catch (error) {
      throw this.#failure(error, 'asked for its output');
    }
  }

  /** Undefined where commands run as Jitsu's own user. */
  execution(): Execution | undefined {
    try {
      const execution = this.machine.execution?.();
      checkExecution(execution);
      return execution;
    } catch (error) {
      throw this.#failure(error, 'asked how its commands run');
    }
  }

  /** Undefined also where the backend listens for no machine. */
  listener(address: string, port: number): HeldListener | undefined {
    try {
      const listener = this.machine.listener?.(address, port);
      if (listener === undefined) return undefined;
      checkListener(listener);
      return {
        untilAccepted: async (signal) => {
          try {
            await untilAborted(listener.untilAccepted(signal), signal);
          } catch (error) {
            throw signal.aborted ? error : this.#failure(error, 'waited for');
          }
        },
      };
    } catch (error) {
      throw this.#failure(error, 'asked who listens for it');
    }
  }

  async #perform(done: string, operation: () => Promise<void>, limit = CALL_LIMIT): Promise<void> {
    try {
      await this.backend.inTurn(this.id, operation, limit);
    } catch (error) {
      throw this.#failure(error, done);
    }
  }

  /** Carries out a part of a stop. */
  async #within(
    limit: Milliseconds,
    mode: StopMode,
    signal: AbortSignal,
    part: (patience: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const limited = new AbortController();
    using _limit = this.backend.clock.after(limit, () => limited.abort(this.#stillRuns(mode, limit)));
    await part(AbortSignal.any([signal, limited.signal]));
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

  #stillRuns(mode: StopMode, limit: Milliseconds): JitsuError {
    const message = `${this.unikernel} still runs ${limit / 1_000} s after the backend ${this.backend.name} was asked to stop it by '${mode}'. Look at it with the backend's own tools.`;
    return new JitsuError('JITSU_BACKEND_FAILED', message);
  }

  #silent(): JitsuError {
    const message = `The backend ${this.backend.name} has not said within ${DESCRIBE_LIMIT / 1_000} s how ${this.unikernel} is. Check that it answers, with its own tools, and restart it if not.`;
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
