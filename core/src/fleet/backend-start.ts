import { setImmediate } from 'node:timers/promises';
import type { UnikernelSettings } from '../config/settings.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Execution, Machine } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, errorMessage, JitsuError, shuttingDown } from '../errors.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';
import type { Failure, Unikernel } from '../lifecycle/unikernel.js';
import { BackOff } from '../plugin-kit/back-off.js';
import type { SharedPlan } from './common-plans.js';
import { ExpectedMachine } from './expected-machine.js';
import { limitedClose } from './limited-close.js';
import { settledWithin } from './settled-within.js';

/** The pauses between attempts. */
const FIRST_PAUSE: Milliseconds = 1_000;
const LONGEST_PAUSE: Milliseconds = 15_000;

/** The number of registrations that a backend is asked for concurrently. */
export const AT_ONCE = 256;

/** The number of unikernels whose reasons are logged one by one. */
const LOGGED = 20;

/** The codes of failures that may pass by themselves: what is not there may come. */
const PASSING: ReadonlySet<string | undefined> = new Set(['JITSU_BACKEND_UNREACHABLE', 'JITSU_UNIKERNEL_UNAVAILABLE']);

const GIVEN_UP = 'JITSU_ROOT_GIVEN_UP';

/** Whether what has failed may succeed later without any change to the configuration. */
export function mayPass(error: unknown): boolean {
  return PASSING.has(errorCode(error));
}

/** Whether what has failed cannot succeed as long as this Jitsu runs. */
function lasts(error: unknown): boolean {
  return errorCode(error) === GIVEN_UP;
}

/** What a start needs of the fleet. */
export interface StartingFleet {
  /** Finds or defines the machine of a unikernel. @throws the objection of its backend or of a boot configurator */
  machineOf(settings: UnikernelSettings): Promise<Machine>;
  /**
   * Allows what the machine of an expected unikernel will take once Jitsu has given up root.
   * @returns how commands that look after the machine will run
   */
  allow(settings: UnikernelSettings, plan: SharedPlan): Promise<Execution | undefined>;
  /**
   * Takes over the machine of an expected unikernel.
   * @param allowed what `allow` has found out, where it was called
   * @throws where it cannot
   */
  arrive(unikernel: Unikernel, plan: SharedPlan, machine: Machine, allowed: Allowed | undefined): void;
  /** Its machine cannot be had for now, for this reason. */
  withhold(unikernel: Unikernel, failure: Failure): void;
  /** These have got their machines. */
  arrived(backend: GuardedBackend, unikernels: readonly Unikernel[]): Promise<void>;
}

/** What was allowed for a machine before it was there. */
export interface Allowed {
  readonly execution: Execution | undefined;
}

/** What is wrong with a unikernel whose machine is expected. */
export interface Objection {
  readonly name: string;
  readonly error: unknown;
}

/** A unikernel whose machine its backend has not handed out yet. */
interface Expected {
  readonly settings: UnikernelSettings;
  /** The first answer of its backend, where that takes its time. */
  pending?: Promise<Machine> | undefined;
  allowed?: Allowed;
  /** Both are absent until it is listed. */
  unikernel?: Unikernel;
  plan?: SharedPlan;
  machine?: Machine;
  failure?: RetriedFailure;
}

/** Why a unikernel has no machine. One object that changes: a million unikernels may have the same failure. */
class RetriedFailure implements Failure {
  at: Milliseconds = 0;
  code = '';
  reason = '';
  count = 0;
  retryAt: Milliseconds | undefined = 0;
}

/**
 * The start of one backend: its connection, and the machines of its unikernels. What fails or takes its time at the
 * start of Jitsu is tried again in the background until all of them are there.
 */
export class BackendStart {
  readonly #expected = new Set<Expected>();
  readonly #backOff = new BackOff(FIRST_PAUSE, LONGEST_PAUSE);
  /** Shared by all unikernels, while there is no connection. */
  readonly #absence = new RetriedFailure();
  #phase: 'closed' | 'connecting' | 'connected' | 'ended' = 'closed';
  #connecting: Promise<void> | undefined;
  #attempt: Promise<void> | undefined;
  #pause: Disposable | undefined;
  #failures = 0;
  #logged = '';
  /** Why it could not be connected. */
  error: unknown;
  /** Whether unikernels of it have their machines. */
  works = false;
  /** Whether it takes its time: it is not waited for any more. */
  isSlow = false;

  /** @param open connects the backend, as the user who may */
  constructor(
    readonly backend: GuardedBackend,
    private readonly open: () => Promise<void>,
    private readonly findsAddresses: boolean,
    private readonly fleet: StartingFleet,
    private readonly context: { readonly clock: Clock; readonly logger: Logger },
  ) {}

  get isConnected(): boolean {
    return this.#phase === 'connected';
  }

  /** Why not all of it is there that may come later; `undefined` where nothing is awaited. */
  get awaited(): string | undefined {
    if (this.#phase === 'connected')
      return this.#expected.size === 0 ? undefined : 'not all of its unikernels are there';
    if (this.error === undefined) return 'it has not answered yet';
    return mayPass(this.error) ? errorMessage(this.error) : undefined;
  }

  /** Connects; the attempt under way is shared. @throws the backend's reason, JITSU_SHUTTING_DOWN after `close` */
  connect(): Promise<void> {
    if (this.#phase === 'connected') return Promise.resolve();
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  /** Closes what is connected, and gives up what is expected. A connection that comes later is closed then. */
  async close(): Promise<void> {
    const wasConnected = this.#phase === 'connected';
    this.#phase = 'ended';
    this.#pause?.[Symbol.dispose]();
    if (wasConnected) await this.#close();
  }

  /**
   * The handle of a unikernel whose machine is expected. `list` follows when it is listed.
   * @param pending the machine, where the backend takes its time to hand it out
   */
  expect(
    settings: UnikernelSettings,
    error?: unknown,
    pending?: Promise<Machine>,
  ): { readonly machine: Machine; list(unikernel: Unikernel, plan: SharedPlan): void } {
    const expected: Expected = { settings, pending };
    // Whoever asks for it is told.
    pending?.catch(() => undefined);
    this.#expected.add(expected);
    const machine = new ExpectedMachine(() => this.#arrival(expected), this.findsAddresses);
    return {
      machine,
      list: (unikernel, plan) => {
        Object.assign(expected, { unikernel, plan });
        if (error !== undefined) this.#withhold(expected, error);
        else if (this.error !== undefined) this.#share(expected);
      },
    };
  }

  /**
   * Has all allowed, before Jitsu gives up root, that the expected machines will take when they come. What is not allowed
   * within the limit never will be.
   * @returns what is wrong with them
   */
  async allowExpected(limit: Milliseconds): Promise<readonly Objection[]> {
    const objections: Objection[] = [];
    const { clock } = this.context;
    const latest = clock.now() + limit;
    const waiting = [...this.#expected].reverse();
    while (waiting.length > 0) {
      const batch = waiting.splice(-AT_ONCE).reverse();
      const allowed = batch.map((expected) => this.#allow(expected, objections));
      await settledWithin(allowed, Math.max(0, latest - clock.now()), clock);
    }
    return objections;
  }

  /** This one is not expected any more. */
  forget(unikernel: Unikernel): void {
    for (const expected of this.#expected) if (expected.unikernel === unikernel) this.#expected.delete(expected);
  }

  /** Goes on in the background with what is expected, until all of it is there. */
  keepTrying(): void {
    if (this.#expected.size === 0) return;
    this.#logReasons();
    if (this.isSlow) void this.#tryNow();
    else this.#tryLater();
  }

  async #connect(): Promise<void> {
    if (this.#phase === 'ended') throw shuttingDown();
    this.#phase = 'connecting';
    try {
      await this.open();
    } catch (error) {
      this.error = error;
      this.#failures += 1;
      if (!this.#hasEnded) this.#phase = 'closed';
      this.#update(this.#absence, error);
      throw error;
    }
    if (this.#hasEnded) {
      await this.#close().catch(() => undefined);
      throw shuttingDown();
    }
    this.#phase = 'connected';
    this.error = undefined;
  }

  /** A getter, since the compiler does not know that the phase changes during a wait. */
  get #hasEnded(): boolean {
    return this.#phase === 'ended';
  }

  #close(): Promise<void> {
    return limitedClose(`The backend ${this.backend.name}`, () => this.backend.close(), this.context);
  }

  /** The machine, after the attempt under way or another one. */
  async #arrival(expected: Expected): Promise<Machine> {
    if (this.#expected.has(expected)) await this.#tryNow();
    const { machine, failure } = expected;
    if (machine !== undefined) return machine;
    const reason = failure?.reason ?? errorMessage(this.error ?? shuttingDown());
    const code = failure?.code === GIVEN_UP ? GIVEN_UP : 'JITSU_BACKEND_UNREACHABLE';
    throw new JitsuError(code, reason, { cause: this.error });
  }

  #tryNow(): Promise<void> {
    this.#pause?.[Symbol.dispose]();
    this.#pause = undefined;
    this.#attempt ??= this.#try().finally(() => {
      this.#attempt = undefined;
      if (this.#expected.size > 0) this.#tryLater();
    });
    return this.#attempt;
  }

  #tryLater(): void {
    if (this.#hasEnded || this.#pause !== undefined) return;
    this.#pause = this.context.clock.after(this.#backOff.after(Math.max(this.#failures, 1)), () => void this.#tryNow());
  }

  /** Never rejects. */
  async #try(): Promise<void> {
    try {
      await this.connect();
    } catch (error) {
      const expected = [...this.#expected];
      for (const each of expected) this.#share(each);
      if (lasts(error)) this.#giveUp(expected, errorMessage(error));
      else this.#logReasons();
      return;
    }
    const arrived: Unikernel[] = [];
    const lost: Expected[] = [];
    const waiting = [...this.#expected].reverse();
    const before = this.#failures;
    while (waiting.length > 0 && !this.#hasEnded) {
      await Promise.all(waiting.splice(-AT_ONCE).map((expected) => this.#get(expected, arrived, lost)));
      await setImmediate();
    }
    this.#giveUp(lost, lost[0]?.failure?.reason ?? '');
    this.#failures = this.#expected.size > 0 ? before + 1 : 0;
    if (this.#hasEnded) return;
    this.#logReasons();
    if (arrived.length === 0) return;
    this.works = true;
    const { name } = this.backend;
    this.context.logger.info({ backend: name }, `the backend ${name} has ${inWords(arrived)} now`);
    await this.fleet.arrived(this.backend, arrived).catch((error: unknown) => {
      this.context.logger.error({ backend: name, error }, errorMessage(error));
    });
  }

  async #get(expected: Expected, arrived: Unikernel[], lost: Expected[]): Promise<void> {
    const { settings, unikernel, plan } = expected;
    if (unikernel === undefined || plan === undefined) return;
    try {
      const { pending, allowed } = expected;
      const machine = await (pending ?? this.fleet.machineOf(settings)).finally(() => (expected.pending = undefined));
      if (this.#hasEnded) return;
      this.fleet.arrive(unikernel, plan, machine, allowed);
      expected.machine = machine;
      this.#expected.delete(expected);
      arrived.push(unikernel);
    } catch (error) {
      if (!this.#expected.has(expected)) return;
      this.#withhold(expected, error);
      if (lasts(error)) lost.push(expected);
    }
  }

  /** Does not try them again: that could not succeed. */
  #giveUp(lost: readonly Expected[], reason: string): void {
    if (lost.length === 0) return;
    for (const expected of lost) this.#expected.delete(expected);
    const { name } = this.backend;
    const which = inWords(lost.flatMap(({ unikernel }) => unikernel ?? []));
    this.context.logger.error({ backend: name }, `the backend ${name} cannot give ${which} any more: ${reason}`);
  }

  async #allow(expected: Expected, objections: Objection[]): Promise<void> {
    const { settings, plan } = expected;
    if (plan === undefined) return;
    try {
      expected.allowed = { execution: await this.fleet.allow(settings, plan) };
    } catch (error) {
      // Anything else may pass until the machine comes, and is told if it does not.
      if (errorCode(error) === 'JITSU_UNIKERNEL_INVALID') objections.push({ name: settings.name, error });
    }
  }

  #withhold(expected: Expected, error: unknown): void {
    if (expected.failure === undefined || expected.failure === this.#absence) expected.failure = new RetriedFailure();
    this.#update(expected.failure, error);
    if (expected.unikernel !== undefined) this.fleet.withhold(expected.unikernel, expected.failure);
  }

  /** There is no connection: its unikernels share the reason. */
  #share(expected: Expected): void {
    expected.failure = this.#absence;
    if (expected.unikernel !== undefined) this.fleet.withhold(expected.unikernel, this.#absence);
  }

  #update(failure: RetriedFailure, error: unknown): void {
    failure.at = this.context.clock.now();
    failure.code = errorCode(error) ?? 'JITSU_BACKEND_FAILED';
    failure.reason = errorMessage(error);
    failure.count += 1;
    failure.retryAt = lasts(error) ? undefined : failure.at + this.#backOff.after(failure.count);
  }

  /** Each reason once, until another one takes its place. */
  #logReasons(): void {
    const reasons = new Set<string>();
    for (const { failure } of this.#expected) {
      if (failure !== undefined) reasons.add(failure.reason);
      if (reasons.size > LOGGED) break;
    }
    const { name } = this.backend;
    const now = [...reasons].join('\n');
    if (now === this.#logged) return;
    this.#logged = now;
    for (const reason of [...reasons].slice(0, LOGGED)) {
      this.context.logger.warn({ backend: name }, `${reason} It is tried again.`);
    }
    if (reasons.size > LOGGED) {
      this.context.logger.warn({ backend: name }, `${name} lacks more of them; \`jitsu status\` lists all.`);
    }
  }
}

function inWords(unikernels: readonly Unikernel[]): string {
  const [first] = unikernels;
  return unikernels.length === 1 && first !== undefined ? first.name : `${unikernels.length} unikernels`;
}
