import { z } from 'zod';
import type { Milliseconds } from '../contracts/milliseconds.js';

const UNITS: Readonly<Record<string, Milliseconds>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The longest TTL that fits into a record (RFC 2181, 8). */
const LONGEST: Milliseconds = (2 ** 31 - 1) * 1_000;

/** Seconds as a number or its text (`0.1`), or text with a unit (`500ms`, `2s`, `5m`, `1h`, `1d`), in milliseconds. */
export function parseDuration(value: number | string): Milliseconds | undefined {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|m|h|d)?$/.exec(String(value).trim()) ?? [];
  if (amount === undefined) return undefined;
  const milliseconds = Math.round(Number(amount) * (UNITS[unit] ?? Number.NaN));
  return milliseconds <= LONGEST ? milliseconds : undefined;
}

/** A duration in the form of the configuration; parsed, it is in milliseconds. */
export function duration(description: string) {
  return z
    .union([z.number(), z.string()], { error: EXPECTED })
    .transform((value, context): Milliseconds => {
      const milliseconds = parseDuration(value);
      if (milliseconds !== undefined) return milliseconds;
      context.addIssue(EXPECTED);
      return z.NEVER;
    })
    .meta({ title: 'duration', description });
}

const EXPECTED = "A number of seconds, or a duration such as '500ms', '2s', '5m', '1h' or '1d' expected.";
