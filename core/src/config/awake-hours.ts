import { z } from 'zod';

/** A span of the week, in local time. */
export interface AwakeSpan {
  /** As it was written. */
  readonly text: string;
  /** Whether it begins on each day of the week, from Sunday on. */
  readonly days: readonly boolean[];
  /** In minutes of the day; the end is exclusive, and lies beyond 1440 where the span passes midnight. */
  readonly from: number;
  readonly to: number;
}

const EXPECTED =
  "A span such as 'Mon-Fri 08:00-18:00', 'Sat,Sun' or '22:00-06:00' expected, with the days Mon, Tue, Wed, Thu, Fri, Sat and Sun.";

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const DAY = '(?:sun|mon|tue|wed|thu|fri|sat)';
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d';
const SPAN = new RegExp(
  `^(?<days>${DAY}(?:-${DAY})?(?:,${DAY}(?:-${DAY})?)*)?(?:(?:^|\\s+)(?<from>${TIME})-(?<to>${TIME}|24:00))?$`,
  'i',
);

const WHOLE_DAY = 1_440;

/** Spans of the week, one or a list. */
export function awakeHours(description: string) {
  const span = z.string({ error: EXPECTED }).transform((text, context): AwakeSpan => {
    const parsed = parseAwakeSpan(text);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: EXPECTED, continue: true });
    return z.NEVER;
  });
  return z
    .union([span, z.array(span).min(1, EXPECTED)], { error: EXPECTED })
    .transform((given): readonly AwakeSpan[] => [given].flat())
    .describe(description);
}

/**
 * A span of every day without days, and whole days without times. It passes midnight where it ends before it begins, and
 * lasts 24 hours where both are the same. `undefined` for anything else.
 */
export function parseAwakeSpan(text: string): AwakeSpan | undefined {
  const trimmed = text.trim();
  const { days, from = '00:00', to = '24:00' } = SPAN.exec(trimmed)?.groups ?? {};
  if (trimmed === '' || !SPAN.test(trimmed)) return undefined;
  const [begin, end] = [minuteOf(from), minuteOf(to)];
  return { text: trimmed, days: daysOf(days), from: begin, to: end > begin ? end : end + WHOLE_DAY };
}

function daysOf(text: string | undefined): readonly boolean[] {
  if (text === undefined) return DAYS.map(() => true);
  const days = DAYS.map(() => false);
  for (const range of text.toLowerCase().split(',')) {
    const [first = '', last = first] = range.split('-');
    const end = DAYS.indexOf(last);
    for (let day = DAYS.indexOf(first); ; day = (day + 1) % DAYS.length) {
      days[day] = true;
      if (day === end) break;
    }
  }
  return days;
}

function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}
