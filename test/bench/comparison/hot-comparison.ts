import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pairedFigure, printFigures, type Figure } from './figure.js';
import { measureRounds, type Trio } from './rounds.js';
import type { Tree } from './tree.js';

/** Runs each tree's own `hot` bench in a process of its own, since what it calls by name differs from tree to tree. */
export async function compareHot(trees: Trio<Tree>, pairs: number): Promise<Figure[]> {
  const rounds = await measureRounds(trees, pairs, runHot);
  const labels = [...(rounds[0]?.after.keys() ?? [])];
  const figures: Figure[] = [];
  for (const label of labels) {
    if (rounds.some(({ before }) => !before.has(label))) {
      console.log(`\nhot: "${label}" is left out, as the bench of ${trees.before.folder} has no such row`);
      continue;
    }
    const time = (row: Map<string, number>): number => row.get(label) ?? NaN;
    figures.push(
      pairedFigure(
        `hot: ${label}`,
        rounds.map(({ before, after, again }) => ({ before: time(before), after: time(after), again: time(again) })),
      ),
    );
  }
  printFigures(`Hot answers without a socket, CPU per query (${pairs} pairs)`, 'ns', figures);
  return figures;
}

/** The nanoseconds of each row of the table that the bench prints. */
async function runHot({ bench, folder }: Tree): Promise<Map<string, number>> {
  const { stdout } = await promisify(execFile)(process.execPath, [bench, 'hot'], { cwd: folder });
  const rows = [...stdout.matchAll(/^ {2}(\S.*?) {3,}([\d.]+) {3,}\d+ %$/gm)];
  if (rows.length === 0) throw new Error(`The bench of ${folder} printed no row for hot:\n${stdout}`);
  return new Map(rows.map(([, label = '', time]) => [label, Number(time)]));
}
