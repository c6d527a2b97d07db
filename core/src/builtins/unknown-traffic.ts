import type { Activity, StopOpinion } from '../contracts/stop-policy.js';
import type { Milliseconds } from '../contracts/milliseconds.js';

/** How often those are asked again who cannot tell the traffic to a unikernel. */
const UNKNOWN_FOR: Milliseconds = 60_000;

/** Keeps a unikernel of whose traffic nothing is known at the moment, although somebody should know it. */
export function keepUnknown({ since, traffic }: Activity, now: Milliseconds): StopOpinion | undefined {
  if (traffic === undefined || traffic.connections !== undefined || traffic.lastPacket !== undefined) return undefined;
  return keepForNow(since, UNKNOWN_FOR, now, 'traffic that nobody can tell at the moment');
}

/** Keeps a unikernel until the end of a period of its run: the same however often it is asked until then. */
export function keepForNow(since: Milliseconds, period: Milliseconds, now: Milliseconds, why: string): StopOpinion {
  return { keepUntil: since + (Math.floor((now - since) / period) + 1) * period, why };
}
