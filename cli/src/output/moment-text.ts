import type { Milliseconds } from '@jitsud/core';

/** A point in time in the local time zone: `21:04:05` for today, else `2026-07-22 21:04`. */
export function momentText(moment: Milliseconds, now: Milliseconds): string {
  const [date, time] = dateAndTime(moment);
  return date === dateAndTime(now)[0] ? time : `${date} ${time.slice(0, 5)}`;
}

/** A point in time in the local time zone with milliseconds: `2026-07-22 21:04:05.123`. */
export function fullMomentText(moment: Milliseconds): string {
  const milliseconds = String(new Date(moment).getMilliseconds()).padStart(3, '0');
  return `${dateAndTime(moment).join(' ')}.${milliseconds}`;
}

function dateAndTime(moment: Milliseconds): [date: string, time: string] {
  const date = new Date(moment);
  const two = (part: number): string => String(part).padStart(2, '0');
  return [
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':'),
  ];
}
