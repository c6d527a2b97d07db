import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopOpinion, StopPolicy } from '../contracts/stop-policy.js';

/** Keeps a unikernel for twice the TTL after the last query for any of its names (the original Jitsu's rule). */
export class TtlStopPolicy implements StopPolicy {
  opinionOn({ names }: Activity, now: Milliseconds): StopOpinion {
    const keepUntil = Math.max(...names.map(({ lastAsked, ttl }) => lastAsked + 2 * ttl));
    return now < keepUntil ? { keepUntil, why: 'queries' } : { stop: 'no query for twice the TTL' };
  }
}
