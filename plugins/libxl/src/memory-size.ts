import { z } from 'zod';

const EXPECTED = 'A size such as 64000 (KiB) or 64MiB expected.';

/** In KiB. */
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1, m: 1024, g: 1024 * 1024 };

/** Less than this holds no guest, and more than the other no Xen host. */
const SMALLEST = 1024;
const LARGEST = 16 * 1024 ** 3;

/** A size of memory, parsed to KiB: a bare number is in KiB, as it was in the original; 64MiB, 64M and 1GiB are taken. */
export const memorySize = z.union([z.number(), z.string()], { error: EXPECTED }).transform((value, context): number => {
  const [, digits = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmg])(?:i?b)?)?\s*$/i.exec(String(value)) ?? [];
  const size = digits === '' ? NaN : Number(digits) * (UNITS[unit.toLowerCase()] ?? NaN);
  if (Number.isInteger(size) && size >= SMALLEST && size <= LARGEST) return size;
  const tooSmall = Number.isInteger(size) && size < SMALLEST ? ' 1MiB is the least.' : '';
  context.issues.push({ code: 'custom', message: `${EXPECTED}${tooSmall}`, input: value });
  return z.NEVER;
});
