import type { LifecycleEvent } from '#core/contracts/lifecycle-event.js';
import { percentile } from '../bench/percentile.js';
import type { Cut, Kill } from './chaos-record.js';
import type { ToldAddress } from './patient-query.js';

/** In milliseconds: those of the trace are whole ones. */
const TOLERANCE = 2;
/** Whatever has not been seen for so long is not seen any more. */
const LONGEST_UNSEEN = 5_000;
/** How long before its stop is written down a client may see it. */
const UNSEEN_CUT = 50;
/** What Jitsu may need beyond an idle process to see the end of a program. */
const LATENESS = 5;
/** With fewer kills, the slowest of a hundred is one, which may have many reasons: their median is judged. */
const KILLS_FOR_P99 = 400;
/** The same for a median, on a machine that has much else to do: an end that only a look finds takes 40 ms. */
const LATENESS_OF_MOST = 15;

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

const ENDS: readonly string[] = ['died', 'unready', 'stopping', 'stopped'];
/** The reasons of stops that may come at any time: those of people, and of definitions that are to be replaced at once. */
const OTHER_STOPS = /^by command$|^Jitsu ends$|^its .* changed$/;
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
    .filter(({ kind, reason = '' }) => kind === 'stopping' && !OTHER_STOPS.test(reason))
    .flatMap(({ at, unikernel, reason }) => {
      const last = told.findLast(({ heardAt }) => heardAt < at);
      if (last === undefined || at >= last.sentAt + keptFor - TOLERANCE) return [];
      return [`${unikernel} was stopped ${(at - last.sentAt).toFixed(0)} ms after a query (${reason})`];
    });
}

/**
 * Stops by the reaper of what others keep that run.
 * @param events of all unikernels
 * @param keepers the names of the others
 * @param isKept whether this one keeps it at this time, if it is ready
 * @param since the time until which what was ready may have ended without a word, before a time
 */
export function stoppedWhileKept(
  events: readonly LifecycleEvent[],
  name: string,
  keepers: readonly string[],
  isKept: (keeper: string, at: number) => boolean,
  since: (at: number) => number,
): string[] {
  return events.flatMap(({ kind, at, unikernel, reason = '' }, index) => {
    if (unikernel !== name || kind !== 'stopping' || OTHER_STOPS.test(reason)) return [];
    const start = since(at);
    const isReady = (keeper: string): boolean => {
      const last = events.findLast(
        (event, earlier) =>
          earlier < index && event.unikernel === keeper && [...ENDS, ...BEGINNINGS, 'failed'].includes(event.kind),
      );
      return last !== undefined && last.at > start && BEGINNINGS.includes(last.kind);
    };
    const found = keepers.find((keeper) => isReady(keeper) && isKept(keeper, at));
    return found === undefined ? [] : [`${name} was stopped while ${found} had to keep it (${reason})`];
  });
}

/** What has cut connections in use, where that was none of those who may. */
export function judgeCuts(events: readonly LifecycleEvent[], cuts: readonly Cut[]): string[] {
  return cuts.flatMap(({ name, from, at }) => {
    const stop = events.findLast(
      (event) =>
        event.unikernel === name && event.kind === 'stopping' && event.at >= from && event.at <= at + UNSEEN_CUT,
    );
    if (stop?.reason !== undefined && OTHER_STOPS.test(stop.reason)) return [];
    const why = stop === undefined ? 'nobody had stopped it' : `it was stopped: ${stop.reason}`;
    return [`a connection to ${name} was cut after ${(at - from).toFixed(0)} ms of use, and ${why}`];
  });
}

/**
 * Summons that have failed though nobody did anything.
 * @param wasDisturbed between these times
 */
export function failedStarts(
  events: readonly LifecycleEvent[],
  wasDisturbed: (from: number, until: number) => boolean,
): string[] {
  return events.flatMap(({ kind, at, unikernel, reason = '' }, index) => {
    if (kind !== 'failed') return [];
    const began = events.findLast((event, earlier) => earlier < index && event.kind === 'summoning')?.at ?? at;
    return wasDisturbed(began, at) ? [] : [`${unikernel} was not disturbed, and its start has failed: ${reason}`];
  });
}

/** From a kill to the moments when Jitsu and an idle process have seen it, in milliseconds. */
export interface Notice {
  readonly unikernel: string;
  readonly killedAt: number;
  readonly byJitsu: number;
  readonly byIdle: number;
}

/** What tells an end at once. */
const TIMED: readonly string[] = ['died', 'failed'];

/** Whether Jitsu has seen by then that a program is not there any more, or on its way down. */
function showsEnd({ kind, state }: LifecycleEvent): boolean {
  if (kind === 'summoning') return !['running', 'suspended'].includes(state);
  return ['died', 'failed', 'stopped'].includes(kind);
}

/**
 * What has become of kills: those that both have seen, and those that Jitsu has not. Of one that an earlier Jitsu has
 * started the trace tells when its group was gone, which waits for whoever collects it: see `lastLies`.
 */
export function noticesOf(
  events: readonly LifecycleEvent[],
  kills: readonly Kill[],
): { readonly seen: readonly Notice[]; readonly unseen: readonly Kill[] } {
  const seen: Notice[] = [];
  const unseen: Kill[] = [];
  for (const kill of kills) {
    const event = events.find((one) => showsEnd(one) && one.at >= kill.at - 1);
    if (event === undefined || event.at - kill.at > LONGEST_UNSEEN) unseen.push(kill);
    // A summon tells it when somebody asks, and one that was being stopped is waited for in any case.
    else if (
      TIMED.includes(event.kind) &&
      kill.ended?.at !== undefined &&
      !event.reason?.includes('the Jitsu that started it')
    ) {
      const [byJitsu, byIdle] = [event.at - kill.at, kill.ended.at - kill.at].map((time) => Math.max(0, time)) as [
        number,
        number,
      ];
      seen.push({ unikernel: event.unikernel, killedAt: kill.at, byJitsu, byIdle });
    }
  }
  return { seen, unseen };
}

/**
 * For each kill whose end an idle process has seen, how long after that the last query was sent that was answered as if
 * the program were there; 0 where none was.
 */
export function lastLies(
  events: readonly LifecycleEvent[],
  told: readonly ToldAddress[],
  kills: readonly Kill[],
): number[] {
  return kills.flatMap(({ ended }) => {
    const end = ended?.at;
    if (end === undefined) return [];
    const until = events.find(({ kind, at }) => BEGINNINGS.includes(kind) && at > end)?.at ?? Infinity;
    const lies = told.filter(({ sentAt, heardAt }) => sentAt > end && heardAt < until - TOLERANCE);
    return [Math.max(0, ...lies.map(({ sentAt }) => sentAt - end))];
  });
}

/** The same of all, as a sentence, with the fault if there is one. @param idleLag the p99 of an idle process */
export function judgeLies(
  lies: readonly number[],
  idleLag: number,
): { readonly figure: string; readonly fault?: string } {
  if (lies.length === 0) return { figure: 'no answers were asked for at an end' };
  const sorted = lies.toSorted((one, other) => one - other);
  const [p99, longest] = [percentile(sorted, 99), percentile(sorted, 100)];
  const figure = `answers as if a program were there: sent up to p99 ${p99.toFixed(1)}, longest ${longest.toFixed(1)} ms after its end, of ${lies.length} ends`;
  return p99 <= idleLag + LATENESS ? { figure } : { figure, fault: `answers outlive programs: ${figure}` };
}

/** Compares how soon both have seen the ends: as a sentence, with the fault if there is one. */
export function compareNotices(notices: readonly Notice[]): { readonly figure: string; readonly fault?: string } {
  if (notices.length === 0) return { figure: 'no end was seen by both' };
  const [byJitsu, byIdle] = [notices.map((one) => one.byJitsu), notices.map((one) => one.byIdle)].map((times) => {
    const sorted = times.toSorted((one, other) => one - other);
    return (percent: number) => percentile(sorted, percent);
  }) as [(percent: number) => number, (percent: number) => number];
  const told = [50, 90, 99, 100].map(
    (percent) =>
      `${percent === 100 ? 'longest' : `p${percent}`} ${byJitsu(percent).toFixed(1)} (${byIdle(percent).toFixed(1)})`,
  );
  const figure = `${notices.length} ends seen by Jitsu (by an idle process) after ms: ${told.join(', ')}`;
  const [percent, limit] = notices.length < KILLS_FOR_P99 ? [50, LATENESS_OF_MOST] : [99, LATENESS];
  const beyond = byJitsu(percent) - byIdle(percent);
  if (beyond <= limit) return { figure };
  const slowest = notices
    .toSorted((one, other) => other.byJitsu - other.byIdle - (one.byJitsu - one.byIdle))
    .slice(0, 10)
    .map(
      (one) =>
        `${one.unikernel} at ${new Date(one.killedAt).toISOString()} ${one.byJitsu.toFixed(1)} (${one.byIdle.toFixed(1)})`,
    );
  const fault = `ends are seen late: p${percent} is ${beyond.toFixed(1)} ms beyond that of an idle process: ${slowest.join(', ')}`;
  return { figure, fault };
}
