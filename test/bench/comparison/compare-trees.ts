import { cachedScene } from '../cached-bench.js';
import { canLoad } from '../contest/dns-load.js';
import { ServerStack } from '../contest/server-stack.js';
import { forwardedScene } from '../forwarded-bench.js';
import { publishedTree } from '../published.js';
import { READY_SCENE } from '../ready-bench.js';
import { compareContest } from './contest-comparison.js';
import { SLOWER, SLOWER_TAIL, verdictText, type Figure } from './figure.js';
import { compareHot } from './hot-comparison.js';
import type { Trio } from './rounds.js';
import { compareStorm } from './storm-comparison.js';
import { compareSummon } from './summon-comparison.js';
import type { Tree } from './tree.js';

type Comparison = (trees: Trio<Tree>, pairs: number) => Promise<Figure[]>;

/** The benches that can compare two trees. */
const COMPARISONS: Readonly<Record<string, Comparison>> = {
  ready: async (trees, pairs) => (canLoad('ready') ? await compareContest('ready', READY_SCENE, trees, pairs) : []),
  hot: compareHot,
  cached: async (trees, pairs) => {
    if (!canLoad('cached')) return [];
    await using upstream = new ServerStack();
    const scene = await cachedScene(upstream);
    return scene === undefined ? [] : await compareContest('cached', scene, trees, pairs);
  },
  forwarded: async (trees, pairs) => {
    if (!canLoad('forwarded')) return [];
    await using upstream = new ServerStack();
    const scene = await forwardedScene(upstream);
    return scene === undefined ? [] : await compareContest('forwarded', scene, trees, pairs);
  },
  storm: async (trees) => (canLoad('storm') ? await compareStorm(trees) : []),
  summon: compareSummon,
};

/** Fewer would give intervals that say nothing. */
const LEAST_PAIRS = 9;

/**
 * Compares this checkout with another one that is built, both as they are published, in interleaved pairs, and says of
 * each figure whether it is slower now. It prints ratios that were measured in one run, and never fails for them.
 */
export async function compareTrees(folder: string, wanted: readonly string[], pairs: number): Promise<void> {
  const unknown = wanted.filter((name) => !(name in COMPARISONS));
  if (unknown.length > 0) {
    throw new Error(`${unknown.join(', ')} cannot be compared; ${Object.keys(COMPARISONS).join(', ')} can.`);
  }
  if (!(pairs >= LEAST_PAIRS)) throw new Error(`--pairs needs ${LEAST_PAIRS} at least.`);
  const before = publishedTree('before', folder);
  const trees = { before, after: publishedTree('now'), again: before };
  console.log(`before: ${trees.before.folder}\nnow:    ${trees.after.folder}`);
  const figures: Figure[] = [];
  for (const [name, compare] of Object.entries(COMPARISONS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const started = performance.now();
    figures.push(...(await compare(trees, pairs)));
    console.log(`\n(${name}: ${((performance.now() - started) / 1_000).toFixed(0)} s)`);
  }
  conclude(figures);
}

function conclude(figures: readonly Figure[]): void {
  console.log(
    `\nSlower: an interval that lies above ${SLOWER}, or a median above ${SLOWER_TAIL} times the one before.`,
  );
  for (const verdict of ['slower', 'undecided'] as const) {
    const such = figures.filter((figure) => figure.verdict === verdict);
    console.log(`${verdict}: ${such.length === 0 ? 'none' : such.length} of ${figures.length}`);
    for (const { label, ratio, interval, missing } of such) {
      const range = interval === undefined ? '' : ` (${interval.low.toFixed(3)} to ${interval.high.toFixed(3)})`;
      const more = verdict === 'undecided' ? `; ${verdictText({ verdict, missing })}` : '';
      console.log(`  ${label}: ${ratio.toFixed(3)}${range}${more}`);
    }
  }
}
