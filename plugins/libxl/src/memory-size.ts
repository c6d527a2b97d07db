import { z } from 'zod';

const EXPECTED = 'A size such as 64000 (KiB) or 64MiB expected.';

/** In KiB. */
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1, m: 1024, g: 1024 * 1024 };

/** The smallest size of any guest, and the largest of any Xen host, in KiB. */
const SMALLEST = 1024;
const LARGEST = 16 * 1024 ** 3;

/**
 * A size of memory, parsed to KiB: a plain number is in KiB, as in the original Jitsu; 64MiB, 64M and 1GiB are valid.
 */
export const memorySize = z.union([z.number(), z.string()], { error: EXPECTED }).transform((value, context): number => {
  const [, digits = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmg])(?:i?b)?)?\s*$/i.exec(String(value)) ?? [];
  const size = digits === '' ? NaN : Number(digits) * (UNITS[unit.toLowerCase()] ?? NaN);
  if (Number.isInteger(size) && size >= SMALLEST && size <= LARGEST) return size;
  const tooSmall = Number.isInteger(size) && size < SMALLEST ? ' 1MiB is the least.' : '';
  context.issues.push({ code: 'custom', message: `${EXPECTED}${tooSmall}`, input: value });
  return z.NEVER;
});
