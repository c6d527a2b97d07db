import { setImmediate } from 'node:timers/promises';
import type { UnikernelSettings } from '../config/settings.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Machine } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, errorMessage, JitsuError, shuttingDown } from '../errors.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';
import type { Failure, Unikernel } from '../lifecycle/unikernel.js';
import { BackOff } from '../plugin-kit/back-off.js';
import type { SharedPlan } from './common-plans.js';
import { ExpectedMachine } from './expected-machine.js';
import { limitedClose } from './limited-close.js';

/** The pauses between attempts. */
const FIRST_PAUSE: Milliseconds = 1_000;
const LONGEST_PAUSE: Milliseconds = 15_000;

/** The number of registrations that a backend is asked for concurrently. */
const AT_ONCE = 256;

/** The number of unikernels whose reasons are logged one by one. */
const LOGGED = 20;

/** The codes of failures that may pass by themselves: what is not there may come. */
const PASSING: ReadonlySet<string | undefined> = new Set(['JITSU_BACKEND_UNREACHABLE', 'JITSU_UNIKERNEL_UNAVAILABLE']);

/** Whether what has failed may succeed later without any change to the configuration. */
export function mayPass(error: unknown): boolean {
  return PASSING.has(errorCode(error));
}

/** What a start needs of the fleet. */
export interface StartingFleet {
  /** Finds or defines the machine of a unikernel. @throws the objection of its backend or of a boot configurator */
  machineOf(settings: UnikernelSettings): Promise<Machine>;
  /** Takes over the machine of an expected unikernel. @throws where it cannot */
  arrive(unikernel: Unikernel, plan: SharedPlan, machine: Machine): void;
  /** Its machine cannot be had for now, for this reason. */
  withhold(unikernel: Unikernel, failure: Failure): void;
  /** These have got their machines. */
  arrived(backend: GuardedBackend, unikernels: readonly Unikernel[]): Promise<void>;
}

/** A unikernel whose machine its backend has not handed out yet. */
interface Expected {
  readonly settings: UnikernelSettings;
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
  retryAt: Milliseconds = 0;
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

  /** The handle of a unikernel whose machine is expected. `list` follows when it is listed. */
  expect(
    settings: UnikernelSettings,
    error?: unknown,
  ): { readonly machine: Machine; list(unikernel: Unikernel, plan: SharedPlan): void } {
    const expected: Expected = { settings };
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
    await this.#tryNow();
    if (expected.machine !== undefined) return expected.machine;
    const reason = expected.failure?.reason ?? errorMessage(this.error ?? shuttingDown());
    throw new JitsuError('JITSU_BACKEND_UNREACHABLE', reason, { cause: this.error });
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
    } catch {
      for (const expected of this.#expected) this.#share(expected);
      this.#logReasons();
      return;
    }
    const arrived: Unikernel[] = [];
    const waiting = [...this.#expected].reverse();
    const before = this.#failures;
    while (waiting.length > 0 && !this.#hasEnded) {
      await Promise.all(waiting.splice(-AT_ONCE).map((expected) => this.#get(expected, arrived)));
      await setImmediate();
    }
    this.#failures = this.#expected.size > 0 ? before + 1 : 0;
    if (this.#hasEnded) return;
    this.#logReasons();
    if (arrived.length === 0) return;
    this.works = true;
    const { name } = this.backend;
    const which = arrived.length === 1 ? (arrived[0] as Unikernel).name : `${arrived.length} unikernels`;
    this.context.logger.info({ backend: name }, `the backend ${name} has ${which} now`);
    await this.fleet.arrived(this.backend, arrived).catch((error: unknown) => {
      this.context.logger.error({ backend: name, error }, errorMessage(error));
    });
  }

  async #get(expected: Expected, arrived: Unikernel[]): Promise<void> {
    const { settings, unikernel, plan } = expected;
    if (unikernel === undefined || plan === undefined) return;
    try {
      const machine = await this.fleet.machineOf(settings);
      if (this.#hasEnded) return;
      this.fleet.arrive(unikernel, plan, machine);
      expected.machine = machine;
      this.#expected.delete(expected);
      arrived.push(unikernel);
    } catch (error) {
      if (this.#expected.has(expected)) this.#withhold(expected, error);
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
    failure.retryAt = failure.at + this.#backOff.after(failure.count);
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
