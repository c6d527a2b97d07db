import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopPolicy } from '../contracts/stop-policy.js';

export type Verdict = { readonly askAgainAt: Milliseconds } | { readonly stop: string };

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
