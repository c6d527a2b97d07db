import { existsSync, readFileSync } from 'node:fs';

/**
 * Finds the places of faults that are written by hand: `from` in a source file, of which spaces and ends of lines count
 * alike, becomes `to`. A place that is not found exactly once has no `start`, and `count` says how often it is there.
 *
 * @param {readonly { fault: string, file: string, from: string, to: string, suites: readonly string[] }[]} holes
 */
export function holeMutants(holes) {
  return holes.map(({ from, to, ...hole }) => {
    const text = existsSync(hole.file) ? readFileSync(hole.file, 'utf8') : '';
    const pattern = from.trim().split(/\s+/).map(escaped).join('\\s+');
    const places = [...text.matchAll(new RegExp(pattern, 'g'))];
    if (places.length !== 1) return { ...hole, count: places.length };
    const { 0: found, index: start } = places[0];
    const before = text.slice(0, start);
    const [line, column] = [before.split('\n').length, start - before.lastIndexOf('\n')];
    return { ...hole, start, end: start + found.length, replacement: to, line, column };
  });
}

function escaped(word) {
  return word.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
