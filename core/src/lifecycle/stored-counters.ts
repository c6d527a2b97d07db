import { aheadOf } from '../clock.js';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { StoredCounters } from '../contracts/state-store.js';
import type { NameCounter, Unikernel } from './unikernel.js';

/** The counters of an earlier run of Jitsu, by the clock of this one. */
export interface RecalledCounters {
  readonly startedAt: Milliseconds | undefined;
  readonly totalStarts: number;
  readonly names: readonly Readonly<NameCounter>[];
}

/**
 * The counters in the form of the state store, by the wall clock.
 * @param keptUntil until when a command keeps it, by the wall clock
 * @param readyTimes how long its last boots took
 */
export function countersOf(
  { name, startedAt, totalStarts, counters }: Unikernel,
  { keptUntil, readyTimes }: Pick<StoredCounters, 'keptUntil' | 'readyTimes'>,
  clock: Pick<Clock, 'now' | 'wallTime'>,
): StoredCounters {
  const ahead = aheadOf(clock);
  const names = [...counters.values()].map(({ name, requests, lastAsked }) => ({
    ...{ name, requests },
    ...(lastAsked !== undefined && { lastAsked: lastAsked + ahead }),
  }));
  return {
    ...{ unikernel: name, totalStarts, names },
    ...(startedAt !== undefined && { startedAt: startedAt + ahead }),
    ...(keptUntil !== undefined && { keptUntil }),
    ...(readyTimes !== undefined && { readyTimes }),
  };
}

/** The way back. What lies in the future, since the wall clock was set back meanwhile, counts as now. */
export function recalled(
  { startedAt, totalStarts, names }: StoredCounters,
  clock: Pick<Clock, 'now' | 'wallTime'>,
): RecalledCounters {
  const now = clock.now();
  const ahead = aheadOf(clock);
  const moment = (stored: Milliseconds | undefined) => (stored === undefined ? stored : Math.min(now, stored - ahead));
  return {
    startedAt: moment(startedAt),
    totalStarts,
    names: names.map(({ name, requests, lastAsked }) => ({ name, requests, lastAsked: moment(lastAsked) })),
  };
}
