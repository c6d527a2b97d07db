import { z } from 'zod';

const EXPECTED = "A number of bytes, or a size such as '512KiB', '32MiB' or '1GiB' expected.";

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1_024, M: 1_048_576, G: 1_073_741_824 };

/** A size: a number of bytes, or text with a unit (`512KiB` or `512K`, `32MiB`, `1GiB`). Parsed to bytes. */
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

function parseByteSize(value: number | string): number | undefined {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*(?:([KMG])(?:iB)?)?$/.exec(String(value).trim()) ?? [];
  const bytes = amount === undefined ? Number.NaN : Math.round(Number(amount) * (UNITS[unit] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
