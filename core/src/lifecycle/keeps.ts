import type { AwakeSpan } from '../config/awake-hours.js';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Unikernel } from './unikernel.js';

/** What people want kept, whatever the stop policies say, and until when by the wall clock. */
export interface Keep {
  readonly until: Milliseconds;
  /** What it is, as it stands behind "kept by". */
  readonly why: string;
}

/** Knows which unikernels people want kept: those of a command, and those with hours of their own. */
export class Keeps {
  /** Until when a command keeps each, by the wall clock. */
  readonly #byCommand = new Map<Unikernel, Milliseconds>();

  constructor(private readonly clock: Pick<Clock, 'wallTime'>) {}

  /** Keeps it until this time of the wall clock; one that has passed ends that. Returns whether that changes anything. */
  keep(unikernel: Unikernel, until: Milliseconds): boolean {
    const before = this.byCommand(unikernel);
    if (until > this.clock.wallTime()) this.#byCommand.set(unikernel, until);
    else this.#byCommand.delete(unikernel);
    return this.byCommand(unikernel) !== before;
  }

  forget(unikernel: Unikernel): void {
    this.#byCommand.delete(unikernel);
  }

  /** Until when a command keeps it, by the wall clock; `undefined` where none does. */
  byCommand(unikernel: Unikernel): Milliseconds | undefined {
    const until = this.#byCommand.get(unikernel);
    if (until === undefined || until > this.clock.wallTime()) return until;
    this.#byCommand.delete(unikernel);
    return undefined;
  }

  /** What the command says of it, for history and log. */
  reasonOf(unikernel: Unikernel): string {
    const until = this.byCommand(unikernel);
    return until === undefined ? 'by jitsu keep no more' : `by jitsu keep, until ${localTime(until)}`;
  }

  /** The one that lasts longest; `undefined` where the policies decide. */
  of(unikernel: Unikernel): Keep | undefined {
    const { awake } = unikernel.plan;
    const command = this.byCommand(unikernel);
    const hours = awake === undefined ? undefined : awakeUntil(awake, this.clock.wallTime());
    if (command !== undefined && command >= (hours?.until ?? 0)) return { until: command, why: 'jitsu keep' };
    return hours;
  }
}

/** The span that this moment lies in, where several do the one that ends last, and its end; both by the wall clock. */
export function awakeUntil(spans: readonly AwakeSpan[], moment: Milliseconds): Keep | undefined {
  const now = new Date(moment);
  let latest: Keep | undefined;
  for (const { text, days, from, to } of spans) {
    // One of yesterday may pass midnight.
    for (const daysAgo of [0, 1]) {
      const [year, month, day] = [now.getFullYear(), now.getMonth(), now.getDate() - daysAgo];
      if (days[new Date(year, month, day).getDay()] !== true) continue;
      // In minutes of the local day, so that a day with another length than usual begins and ends by its own clock.
      const until = new Date(year, month, day, 0, to).getTime();
      const isWithin = new Date(year, month, day, 0, from).getTime() <= moment && moment < until;
      if (isWithin && until > (latest?.until ?? 0)) latest = { until, why: `its hours awake, ${text}` };
    }
  }
  return latest;
}

/** A time of the wall clock for people, in local time: `2026-07-22 21:04`. */
function localTime(moment: Milliseconds): string {
  const date = new Date(moment);
  const two = (part: number): string => String(part).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
