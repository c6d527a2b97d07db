import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import type { ToldAddress } from './patient-query.js';

/** Times of this machine's clock are compared across processes: both read it at once, but not write at once. */
const TOLERANCE = 20;

/** The lifecycle events in a log of JSON lines, in their order. */
export function eventsIn(log: string): LifecycleEvent[] {
  return log.split('\n').flatMap((line) => {
    if (!line.includes('"event"')) return [];
    try {
      const { event } = JSON.parse(line) as { event?: LifecycleEvent };
      return event === undefined ? [] : [event];
    } catch {
      // The last line of a Jitsu that was killed may be cut off.
      return [];
    }
  });
}

const ENDS: readonly string[] = ['died', 'stopping', 'stopped'];
const BEGINNINGS: readonly string[] = ['ready', 'adopted'];

/** An address that was told for a query that was sent after Jitsu had seen the end, before anything was ready again. */
export function toldAfterEnd(events: readonly LifecycleEvent[], told: readonly ToldAddress[]): string[] {
  const faults: string[] = [];
  for (const [index, { kind, at, unikernel }] of events.entries()) {
    if (!ENDS.includes(kind)) continue;
    const until = events.find((event, later) => later > index && BEGINNINGS.includes(event.kind))?.at ?? Infinity;
    for (const { sentAt, heardAt } of told) {
      if (sentAt > at + TOLERANCE && heardAt < until - TOLERANCE) {
        faults.push(`${unikernel} was answered for ${(sentAt - at).toFixed(0)} ms after it was seen to be ${kind}`);
      }
    }
  }
  return faults;
}

/**
 * Stops by the reaper within the time after a query for which a unikernel is to be kept.
 * @param keptFor in milliseconds
 */
export function stoppedEarly(
  events: readonly LifecycleEvent[],
  told: readonly ToldAddress[],
  keptFor: number,
): string[] {
  return events
    .filter(({ kind, reason = '' }) => kind === 'stopping' && reason.includes('no query for twice the TTL'))
    .flatMap(({ at, unikernel, reason }) => {
      const last = told.findLast(({ heardAt }) => heardAt < at);
      if (last === undefined || at >= last.sentAt + keptFor - TOLERANCE) return [];
      return [`${unikernel} was stopped ${(at - last.sentAt).toFixed(0)} ms after a query (${reason})`];
    });
}

/** From each kill to the moment when Jitsu saw it, in milliseconds. */
export function timesToNotice(events: readonly LifecycleEvent[], kills: readonly number[]): number[] {
  return kills.flatMap((killed) => {
    const seen = events.find(({ kind, at }) => (kind === 'died' || kind === 'failed') && at >= killed - 1);
    return seen === undefined || seen.at - killed > 5_000 ? [] : [Math.max(0, seen.at - killed)];
  });
}
