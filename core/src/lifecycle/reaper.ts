import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopPolicy } from '../contracts/stop-policy.js';
import { DeadlineQueue } from './deadline-queue.js';
import type { Unikernel } from './unikernel.js';

export type Verdict = { readonly askAgainAt: Milliseconds } | { readonly stop: string };

/** What the reaper decides. */
export interface Reaping {
  /** Takes the answers back, so that no use of it can be told late any more. */
  expire(unikernel: Unikernel): void;
  /** Has it ready again. */
  keep(unikernel: Unikernel): void;
  stop(unikernel: Unikernel, reason: string): void;
}

/** Stops a unikernel at the very moment when its policies no longer keep it. */
export class Reaper implements Disposable {
  readonly #deadlines: DeadlineQueue<Unikernel>;

  constructor(
    private readonly reaping: Reaping,
    private readonly clock: Clock,
  ) {
    this.#deadlines = new DeadlineQueue(clock, (unikernel) => this.consider(unikernel));
  }

  /** Asks the policies of a unikernel that runs, now and whenever they want to be asked again. */
  consider(unikernel: Unikernel): void {
    // What is under way ends with another call where the unikernel runs then. A machine that is down, or whose state is
    // unknown, is not stopped.
    const { summon, stops, starting, state } = unikernel;
    if (summon || stops || starting || state !== 'running') return;
    const verdict = this.#finalVerdict(unikernel);
    if ('askAgainAt' in verdict) this.#deadlines.set(unikernel, verdict.askAgainAt);
    else this.reaping.stop(unikernel, verdict.stop);
  }

  considerIn(unikernel: Unikernel, delay: Milliseconds): void {
    this.#deadlines.set(unikernel, this.clock.now() + delay);
  }

  /** When it will be stopped unless somebody asks for it. */
  stopAt(unikernel: Unikernel): Milliseconds | undefined {
    if (unikernel.state !== 'running') return undefined;
    const verdict = this.#verdict(unikernel);
    const at = 'stop' in verdict ? this.clock.now() : verdict.askAgainAt;
    return at === Infinity ? undefined : at;
  }

  [Symbol.dispose](): void {
    this.#deadlines[Symbol.dispose]();
  }

  /**
   * What the policies say when they know of every query: those that were answered without anybody here may be told late,
   * but none comes after the unikernel has ceased to be ready. Where it is kept after all it is ready again.
   */
  #finalVerdict(unikernel: Unikernel): Verdict {
    const verdict = this.#verdict(unikernel);
    if ('askAgainAt' in verdict || !unikernel.ready) return verdict;
    this.reaping.expire(unikernel);
    const final = this.#verdict(unikernel);
    if ('askAgainAt' in final) this.reaping.keep(unikernel);
    return final;
  }

  #verdict(unikernel: Unikernel): Verdict {
    return verdictOn(unikernel.plan.stopPolicies, unikernel.activity(), this.clock.now());
  }
}

/** Asks the policies in order: the first that keeps or stops decides; without one the unikernel is kept. */
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
