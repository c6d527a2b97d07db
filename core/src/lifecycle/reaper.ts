import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopPolicy } from '../contracts/stop-policy.js';
import { DeadlineQueue } from './deadline-queue.js';
import type { LifeReports } from './life-reports.js';
import type { Unikernel } from './unikernel.js';

/** The freezes that are remembered; what an earlier one adds to the life of a unikernel is forgotten. */
const MOST_FREEZES = 16;

export type Verdict = { readonly askAgainAt: Milliseconds } | { readonly stop: string };

/** Stops a unikernel at the moment when its policies no longer keep it. */
export class Reaper implements Disposable {
  readonly #deadlines: DeadlineQueue<Unikernel>;
  #disposed = false;
  readonly #freezes: { readonly from: Milliseconds; readonly to: Milliseconds }[] = [];

  constructor(
    private readonly life: Pick<LifeReports, 'on' | 'reap'>,
    private readonly clock: Clock,
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
    if ('askAgainAt' in verdict) this.#deadlines.set(unikernel, verdict.askAgainAt);
    else this.life.reap(unikernel, verdict.stop);
  }

  considerIn(unikernel: Unikernel, delay: Milliseconds): void {
    this.#deadlines.set(unikernel, this.clock.now() + delay);
  }

  /** When it will be stopped without further queries; `undefined` also while a summon or a start is under way. */
  stopAt(unikernel: Unikernel): Milliseconds | undefined {
    const { summon, starting, state } = unikernel;
    if (summon || starting || state !== 'running') return undefined;
    const verdict = this.#verdict(unikernel);
    const at = 'stop' in verdict ? this.clock.now() : verdict.askAgainAt;
    return at === Infinity ? undefined : at;
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
    return verdictOn(unikernel.plan.stopPolicies, unikernel.activity(this.#awake), this.clock.now());
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
    if ('keepUntil' in opinion) return { askAgainAt: Math.min(askAgainAt, opinion.keepUntil) };
    askAgainAt = Math.min(askAgainAt, opinion.undecidedUntil);
  }
  return { askAgainAt };
}
