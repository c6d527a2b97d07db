import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { BackOff } from '../plugin-kit/back-off.js';
import { untilAborted } from '../plugin-kit/until-aborted.js';
import { DeadlineQueue } from './deadline-queue.js';
import type { LifeReports } from './life-reports.js';
import { untilAnswered } from './readiness.js';
import { unready } from './summon-failures.js';
import type { Unikernel } from './unikernel.js';

/** The most time that a service gets to answer a look. */
const LONGEST_LOOK: Milliseconds = 5_000;

/** How long a look waits for the decision whether its unikernel is stopped. */
const PAUSE: Milliseconds = 1_000;

/** The number of looks at once; others wait for their turn. */
const MOST_LOOKS = 64;

/** After that long without a restart, earlier ones do not count any more. */
const RESTARTS_REMEMBERED: Milliseconds = 3_600_000;

/** A unikernel that is ready and has `watch`. */
interface Watched {
  /** Whether its name was used since the last look began. */
  used: boolean;
  /** Whether its next use begins a look: nobody has used it for so long that no timer is set. */
  idle: boolean;
  /** Present during a look. */
  look: AbortController | undefined;
}

/** A unikernel whose service has stopped answering. */
interface Silent {
  /** When a look has found that; absent once it has answered again or was restarted. */
  since?: Milliseconds;
  restarts: number;
  restartedAt: Milliseconds;
}

/**
 * Looks again at services that were ready, by their probes: those of unikernels with `watch`, at that interval, as long
 * as they are used. The answers given before a look are taken back, so that all uses are counted and none is repeated for
 * longer than the interval without a look. Without uses there is neither a look nor a timer.
 */
export class ServiceWatch implements Disposable {
  readonly #watched = new Map<Unikernel, Watched>();
  readonly #silent = new Map<Unikernel, Silent>();
  readonly #deadlines: DeadlineQueue<Unikernel>;
  /** Those whose look is due, and has to wait for the end of others. */
  readonly #waiting = new Map<Unikernel, Watched>();
  #looks = 0;
  #disposed = false;

  /**
   * @param restarts how long a unikernel runs at least between two restarts, by their number
   * @param isNeeded whether another one needs it that is ready, and so may use it without its name
   */
  constructor(
    private readonly life: Pick<LifeReports, 'on' | 'unready'>,
    private readonly restarts: BackOff,
    private readonly clock: Clock,
    private readonly isNeeded: (unikernel: Unikernel) => boolean = () => false,
  ) {
    this.#deadlines = new DeadlineQueue(clock, (unikernel) => this.#due(unikernel));
  }

  /** Its service has just answered: the next look is due after the interval. */
  ready(unikernel: Unikernel): void {
    const { watch } = unikernel.plan;
    if (watch === undefined || this.#disposed) return;
    this.leave(unikernel);
    const silent = this.#silent.get(unikernel);
    if (silent?.restarts === 0) this.#silent.delete(unikernel);
    else if (silent !== undefined) delete silent.since;
    this.#watched.set(unikernel, { used: false, idle: false, look: undefined });
    this.#deadlines.set(unikernel, this.clock.now() + watch);
  }

  /** Its name was used. */
  used(unikernel: Unikernel): void {
    const watched = this.#watched.get(unikernel);
    if (watched === undefined) return;
    watched.used = true;
    if (watched.idle && unikernel.ready) this.#begin(unikernel, watched);
  }

  /** It is not ready any more. */
  leave(unikernel: Unikernel): void {
    this.#watched.get(unikernel)?.look?.abort();
    this.#watched.delete(unikernel);
    this.#waiting.delete(unikernel);
    this.#deadlines.delete(unikernel);
  }

  /** It is no unikernel of this Jitsu any more. */
  forget(unikernel: Unikernel): void {
    this.leave(unikernel);
    this.#silent.delete(unikernel);
  }

  /**
   * To be asked when nothing has answered for the whole deadline of a summon of a unikernel that runs. Whether it is to be
   * restarted: a look of this run has found that its service had stopped answering, it would come back as another one,
   * and its last restarts were long enough ago.
   */
  takesRestart(unikernel: Unikernel): boolean {
    const silent = this.#silent.get(unikernel);
    if (silent?.since === undefined || unikernel.since >= silent.since || unikernel.plan.stopMode === 'suspend') {
      return false;
    }
    const now = this.clock.now();
    if (silent.restarts > 0 && now < silent.restartedAt + this.restarts.after(silent.restarts)) return false;
    this.#silent.set(unikernel, { restarts: silent.restarts + 1, restartedAt: now });
    return true;
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#deadlines[Symbol.dispose]();
    for (const unikernel of [...this.#watched.keys()]) this.leave(unikernel);
  }

  #due(unikernel: Unikernel): void {
    const watched = this.#watched.get(unikernel);
    if (watched === undefined) return;
    // Its policies are asked a last time, and it may be ready again in a moment.
    if (unikernel.phase === 'withdrawn') return this.#deadlines.set(unikernel, this.clock.now() + PAUSE);
    if (!unikernel.ready) return this.leave(unikernel);
    // Uses of answers in the packet cache are counted by this, and what is used next is seen at once.
    this.life.on(unikernel, 'due');
    if (watched.used || this.isNeeded(unikernel)) this.#begin(unikernel, watched);
    else watched.idle = true;
  }

  #begin(unikernel: Unikernel, watched: Watched): void {
    watched.used = false;
    watched.idle = false;
    if (this.#looks < MOST_LOOKS) void this.#look(unikernel, watched);
    else this.#waiting.set(unikernel, watched);
  }

  async #look(unikernel: Unikernel, watched: Watched): Promise<void> {
    const watch = unikernel.plan.watch as Milliseconds;
    const begin = this.clock.now();
    const look = new AbortController();
    watched.look = look;
    this.#looks += 1;
    const limit = this.clock.after(Math.min(watch, LONGEST_LOOK), () => look.abort());
    const outcomes = new Map<object, string>();
    let failure: { readonly error: unknown } | undefined;
    try {
      await untilAborted(untilAnswered(unikernel, look.signal, { outcomes }), look.signal);
    } catch (error) {
      failure = { error: look.signal.aborted ? unready(unikernel, outcomes) : error };
    }
    limit[Symbol.dispose]();
    this.#looks -= 1;
    this.#next();
    // It was stopped meanwhile, or has come to be ready anew.
    const isUp = unikernel.ready || unikernel.phase === 'withdrawn';
    if (!isUp || this.#watched.get(unikernel) !== watched) return;
    watched.look = undefined;
    if (failure === undefined) this.#deadlines.set(unikernel, begin + watch);
    else this.#fallSilent(unikernel, failure.error);
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    this.#waiting.delete(first[0]);
    void this.#look(...first);
  }

  #fallSilent(unikernel: Unikernel, error: unknown): void {
    const now = this.clock.now();
    const { restarts = 0, restartedAt = now } = this.#silent.get(unikernel) ?? {};
    const counts = now - restartedAt < RESTARTS_REMEMBERED;
    this.#silent.set(unikernel, { since: now, restarts: counts ? restarts : 0, restartedAt });
    this.life.unready(unikernel, error);
  }
}
