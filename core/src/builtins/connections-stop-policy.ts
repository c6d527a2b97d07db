import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopOpinion, StopPolicy } from '../contracts/stop-policy.js';
import { keepForNow, keepUnknown } from './unknown-traffic.js';

/** How often open connections are asked for again: after the shortest TTL, within these bounds. */
const SOONEST: Milliseconds = 10_000;
const LATEST: Milliseconds = 60_000;

/**
 * Keeps a unikernel while connections to it are open, or nobody can tell; otherwise the next policy decides. Where a stop
 * would end no connection, packets alone count.
 */
export class ConnectionsStopPolicy implements StopPolicy {
  opinionOn(activity: Activity, now: Milliseconds): StopOpinion | undefined {
    const { since, names, traffic } = activity;
    const connections = traffic?.connections ?? 0;
    if (connections === 0) return keepUnknown(activity, now);
    // Idle ones are no reason to keep what goes on with them where it was.
    if (activity.connectionsSurvive === true && traffic?.lastPacket !== undefined) return undefined;
    const shortest = Math.min(...names.map(({ ttl }) => ttl));
    const why = traffic?.detail ?? (connections === 1 ? '1 connection' : `${connections} connections`);
    return keepForNow(since, Math.min(Math.max(shortest, SOONEST), LATEST), now, why);
  }
}
