import type { Milliseconds } from '../contracts/milliseconds.js';
import { parseDuration } from '../plugin-kit/duration.js';
import { BadControlRequest } from './control-request.js';
import type { KeepTime } from './status-report.js';

const MOMENT = /^(?:(\d{4})-(\d{2})-(\d{2})[ T])?([01]\d|2[0-3]):([0-5]\d)$/;

/**
 * The time of the wall clock until which a unikernel is to be kept. A time of the day alone is the next one.
 * @throws BadControlRequest for what is no time, and for one that has passed
 */
export function keepUntil(time: KeepTime, now: Milliseconds): Milliseconds {
  if ('for' in time) {
    const duration = parseDuration(time.for);
    if (duration !== undefined) return now + duration;
    throw refused(`'${time.for}' is no duration: '90m', '2h', '1d', or 0 to keep it no more, expected.`);
  }
  const { until } = time;
  const [, year, month = 0, day, hour = 0, minute = 0] = MOMENT.exec(until.trim())?.map(Number) ?? [];
  if (year === undefined) throw refused(`'${until}' is no time: '18:00' or '2026-07-22 18:00' expected.`);
  if (Number.isNaN(year)) return nextAt(now, hour, minute);
  const moment = new Date(year, month - 1, day, hour, minute);
  if (moment.getMonth() !== month - 1) throw refused(`'${until}' is no day of the calendar.`);
  if (moment.getTime() <= now) throw refused(`'${until}' has passed.`);
  return moment.getTime();
}

function nextAt(now: Milliseconds, hour: number, minute: number): Milliseconds {
  const today = new Date(now);
  const at = (days: number): Milliseconds =>
    new Date(today.getFullYear(), today.getMonth(), today.getDate() + days, hour, minute).getTime();
  return at(0) > now ? at(0) : at(1);
}

function refused(message: string): BadControlRequest {
  return new BadControlRequest(400, message);
}
