import { readFileSync } from 'node:fs';

/** Whether a number means somebody in this user namespace (user_namespaces(7)); `undefined` where that is not known. */
export function isInNamespace(kind: 'uid' | 'gid', number: number): boolean | undefined {
  let ranges: number[][];
  try {
    const text = readFileSync(`/proc/self/${kind}_map`, 'latin1').trim();
    ranges = text.split('\n').map((range) => range.trim().split(/\s+/).map(Number));
  } catch {
    return undefined;
  }
  if (ranges.some(({ length }) => length < 3)) return undefined;
  return ranges.some(([first = NaN, , count = NaN]) => number >= first && number < first + count);
}
