import { duration } from '../plugin-kit/duration.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopOpinion, StopPolicy } from '../contracts/stop-policy.js';
import { inject, optionsOf } from '../plugins/injection.js';
import { keepUnknown } from './unknown-traffic.js';

export const trafficWindow = duration('How long a packet counts').prefault(60);

/**
 * Keeps a unikernel for a while after the last packet to it, or while nobody can tell; otherwise the next policy decides. A
 * connection that is over counts no longer than a query would.
 */
export class TrafficStopPolicy implements StopPolicy {
  constructor(@inject(optionsOf(trafficWindow)) private readonly window: Milliseconds) {}

  opinionOn(activity: Activity, now: Milliseconds): StopOpinion | undefined {
    const { since, traffic, names } = activity;
    const { lastPacket, lastClosed } = traffic ?? {};
    if (lastPacket !== undefined) {
      // What came before this run, or before Jitsu was started again, nobody has seen.
      const keepUntil = Math.max(lastPacket, since) + this.window;
      if (now < keepUntil) return { keepUntil, why: traffic?.detail ?? 'traffic' };
    }
    if (lastClosed !== undefined) {
      const longest = Math.max(...names.map(({ ttl }) => 2 * ttl));
      const keepUntil = lastClosed + Math.min(this.window, longest);
      if (now < keepUntil) return { keepUntil, why: traffic?.detail ?? 'a connection that has just ended' };
    }
    return keepUnknown(activity, now);
  }
}
