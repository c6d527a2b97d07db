import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopPolicy } from '../contracts/stop-policy.js';
import { aheadOf } from '../clock.js';
import { DeadlineQueue } from './deadline-queue.js';
import { Keeps } from './keeps.js';
import type { LifeReports } from './life-reports.js';
import type { Unikernel } from './unikernel.js';

/** The freezes that are remembered; what an earlier one adds to the life of a unikernel is forgotten. */
const MOST_FREEZES = 16;

/** How long the time of the wall clock is relied on: it may be set meanwhile. */
const LONGEST_TRUST: Milliseconds = 3_600_000;

export type Verdict =
  | {
      readonly askAgainAt: Milliseconds;
      /** What keeps it, where that is known, as it stands behind "kept by". */
      readonly why?: string | undefined;
      /** Whether the time is one of the wall clock, which may be set until then. */
      readonly byWallClock?: true;
    }
  | { readonly stop: string };

/** Until when a unikernel is kept without further queries, and by what. */
export interface Outlook {
  /** Absent where it is kept without limit. */
  readonly stopAt?: Milliseconds;
  readonly why?: string | undefined;
}

/** Stops a unikernel at the moment when its policies no longer keep it. */
export class Reaper implements Disposable {
  readonly #deadlines: DeadlineQueue<Unikernel>;
  #disposed = false;
  readonly #freezes: { readonly from: Milliseconds; readonly to: Milliseconds }[] = [];

  constructor(
    private readonly life: Pick<LifeReports, 'on' | 'reap'>,
    private readonly clock: Clock,
    private readonly keeps: Pick<Keeps, 'of'> = new Keeps(clock),
  ) {
    this.#deadlines = new DeadlineQueue(
      clock,
      (unikernel) => this.consider(unikernel),
      (from, to) => this.#frozen(from, to),
    );
  }

  /** Asks the policies of a running unikernel, now and whenever they want to be asked again. */
  consider(unikernel: Unikernel): void {
    // A summon, stop or start under way ends with another call where the unikernel runs then. A machine that is down,
    // or in an unknown state, is not stopped.
    const { summon, stops, starting, state } = unikernel;
    if (this.#disposed || summon || stops || starting || state !== 'running') return;
    const verdict = this.#finalVerdict(unikernel);
    if ('askAgainAt' in verdict) this.#deadlines.set(unikernel, this.#nextLook(verdict));
    else this.life.reap(unikernel, verdict.stop);
  }

  considerIn(unikernel: Unikernel, delay: Milliseconds): void {
    this.#deadlines.set(unikernel, this.clock.now() + delay);
  }

  /**
   * When it will be stopped without further queries, and what keeps it until then; `undefined` where it does not run, and
   * while a summon or a start is under way.
   */
  outlook(unikernel: Unikernel): Outlook | undefined {
    const { summon, starting, state } = unikernel;
    if (summon || starting || state !== 'running') return undefined;
    const verdict = this.#verdict(unikernel);
    if ('stop' in verdict) return { stopAt: this.clock.now() };
    const { askAgainAt, why } = verdict;
    return { ...(askAgainAt !== Infinity && { stopAt: askAgainAt }), why };
  }

  /** Stops no unikernel any more. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#deadlines[Symbol.dispose]();
  }

  /**
   * Asks the policies when all queries are known: uses of cached answers may be reported late, but none comes after the
   * unikernel has ceased to be ready. Where they keep it, it becomes ready again.
   */
  #finalVerdict(unikernel: Unikernel): Verdict {
    const verdict = this.#verdict(unikernel);
    if ('askAgainAt' in verdict || !unikernel.ready) return verdict;
    this.life.on(unikernel, 'expired');
    const final = this.#verdict(unikernel);
    if ('askAgainAt' in final) this.life.on(unikernel, 'kept');
    return final;
  }

  #verdict(unikernel: Unikernel): Verdict {
    if (unikernel.replacement === 'now') return { stop: definitionChanged(unikernel) };
    const kept = this.keeps.of(unikernel);
    if (kept !== undefined) return { askAgainAt: kept.until - aheadOf(this.clock), why: kept.why, byWallClock: true };
    return verdictOn(unikernel.plan.stopPolicies, unikernel.activity(this.#awake), this.clock.now());
  }

  #nextLook({ askAgainAt, byWallClock }: Extract<Verdict, { askAgainAt: Milliseconds }>): Milliseconds {
    return byWallClock === true ? Math.min(askAgainAt, this.clock.now() + LONGEST_TRUST) : askAgainAt;
  }

  #frozen(from: Milliseconds, to: Milliseconds): void {
    this.#freezes.push({ from, to });
    if (this.#freezes.length > MOST_FREEZES) this.#freezes.shift();
  }

  /** A moment, later by all the time since then in which nothing ran, and so nobody could ask. */
  readonly #awake = (moment: Milliseconds): Milliseconds => {
    let asleep = 0;
    for (const { from, to } of this.#freezes) if (moment < to) asleep += to - Math.max(from, moment);
    return moment + asleep;
  };
}

/** The reason for which an outdated machine is stopped. */
export function definitionChanged({ outdated = 'definition' }: Unikernel): string {
  return `its ${outdated} changed`;
}

/** Asks the policies in order: the first that keeps or stops decides; without a decision the unikernel is kept. */
export function verdictOn(policies: readonly StopPolicy[], activity: Activity, now: Milliseconds): Verdict {
  let askAgainAt = Infinity;
  for (const policy of policies) {
    const opinion = policy.opinionOn(activity, now);
    if (opinion === undefined) continue;
    if ('stop' in opinion) return opinion;
    if ('keepUntil' in opinion) {
      const { keepUntil, why } = opinion;
      return { askAgainAt: Math.min(askAgainAt, keepUntil), ...(why !== undefined && { why }) };
    }
    askAgainAt = Math.min(askAgainAt, opinion.undecidedUntil);
  }
  return { askAgainAt };
}
