import type { Milliseconds } from '@jitsud/core';

const units = [
  { size: 86_400_000, word: 'd' },
  { size: 3_600_000, word: 'h' },
  { size: 60_000, word: 'min' },
  { size: 1_000, word: 's' },
] as const;

/** A readable duration in at most two units: `84 ms`, `2.4 s`, `48 s`, `1 min 48 s`, `2 d 4 h`. */
export function durationText(duration: Milliseconds): string {
  if (duration < 999.5) return `${Math.max(0, Math.round(duration))} ms`;
  if (duration < 9_950) return `${(duration / 1_000).toFixed(1).replace('.0', '')} s`;
  const parts: string[] = [];
  let rest = Math.round(duration / 1_000) * 1_000;
  const first = units.findIndex(({ size }) => rest >= size);
  for (const { size, word } of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${word}`);
    rest -= count * size;
  }
  return parts.join(' ');
}
