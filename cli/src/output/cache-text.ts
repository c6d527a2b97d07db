import type { StatusReport } from '@jitsud/core/control';

const MEBIBYTE = 1_048_576;

/** `cache: 812 answers in 0.5 of 32 MiB, for 1200 of 2012 forwarded queries`; empty if no query was ever forwarded. */
export function cacheText({
  hits,
  misses,
  stale,
  entries,
  bytes,
  size,
}: StatusReport['dns']['cache']): readonly string[] {
  const asked = hits + misses + stale;
  if (asked === 0) return [];
  const room = `${inMebibytes(bytes)} of ${inMebibytes(size)} MiB`;
  return [
    `cache: ${entries} ${entries === 1 ? 'answer' : 'answers'} in ${room}, for ${hits + stale} of ${asked} forwarded queries`,
  ];
}

function inMebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(1).replace('.0', '');
}
