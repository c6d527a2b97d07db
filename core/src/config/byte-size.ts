import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 };

/** Bytes as a number or its text, or text with a unit (`512KiB`, `32MiB`, `1GiB`). */
function parseByteSize(value: number | string): number | undefined {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*(KiB|MiB|GiB)?$/.exec(String(value).trim()) ?? [];
  const bytes = amount === undefined ? Number.NaN : Math.round(Number(amount) * (UNITS[unit] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size as people write it; parsed, it is in bytes. */
export function byteSize(description: string) {
  return z
    .union([z.number(), z.string()], { error: EXPECTED })
    .transform((value, context): number => {
      const bytes = parseByteSize(value);
      if (bytes !== undefined) return bytes;
      context.addIssue(EXPECTED);
      return z.NEVER;
    })
    .meta({ title: 'size', description });
}

const EXPECTED = "A number of bytes, or a size such as '512KiB', '32MiB' or '1GiB' expected.";
