import { duration } from '../plugin-kit/duration.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopOpinion, StopPolicy } from '../contracts/stop-policy.js';
import { inject, optionsOf } from '../plugins/injection.js';
import { keepUnknown } from './unknown-traffic.js';

export const trafficWindow = duration('How long a packet counts').prefault(60);

/** Keeps a unikernel for a while after the last packet to it, or while nobody can tell; otherwise the next policy decides. */
export class TrafficStopPolicy implements StopPolicy {
  constructor(@inject(optionsOf(trafficWindow)) private readonly window: Milliseconds) {}

  opinionOn(activity: Activity, now: Milliseconds): StopOpinion | undefined {
    const { since, traffic } = activity;
    if (traffic?.lastPacket === undefined) return keepUnknown(activity, now);
    // What came before this run, or before Jitsu was started again, nobody has seen.
    const keepUntil = Math.max(traffic.lastPacket, since) + this.window;
    return now < keepUntil ? { keepUntil, why: traffic.detail ?? 'traffic' } : undefined;
  }
}
