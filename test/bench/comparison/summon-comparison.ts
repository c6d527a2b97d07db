import { freePort } from '../../support/free-port.js';
import { askForAddress } from '../ask.js';
import { ECHO_TRANSPORTS } from '../contest/echo.js';
import { ServerStack } from '../contest/server-stack.js';
import { JitsuChild } from '../jitsu-child.js';
import { threadsTime } from '../process-usage.js';
import { SUMMONED_NAME, summonedUnikernel } from '../summon-bench.js';
import { timeOf } from '../time-of.js';
import { pairedFigure, printFigures, type Figure } from './figure.js';
import { forEachOf, measureRounds, type Trio } from './rounds.js';
import type { Tree } from './tree.js';

/** One summon is short, and varies with the start of the program that is summoned. */
const PAIRS_FACTOR = 2;

/** From the query to the answer for a program that does not run, in two trees by turns. */
export async function compareSummon(trees: Trio<Tree>, pairs: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const transport of ECHO_TRANSPORTS) {
    await using started = new ServerStack();
    const jitsus = await forEachOf(trees, async (tree) => {
      const unikernel = summonedUnikernel(await freePort());
      return started.use(await JitsuChild.start([unikernel], SUMMONED_NAME, { dns: { transport }, tree }));
    });
    await forEachOf(jitsus, measure);
    const rounds = await measureRounds(jitsus, pairs * PAIRS_FACTOR, measure);
    const of = (key: 'processor' | 'time'): Trio<number>[] =>
      rounds.map(({ before, after, again }) => ({ before: before[key], after: after[key], again: again[key] }));
    const found = [
      pairedFigure(`summon, ${transport}: CPU of Jitsu`, of('processor')),
      pairedFigure(`summon, ${transport}: query to answer`, of('time')),
    ];
    printFigures(`Query to answer of a stopped program, ${transport} (${rounds.length} pairs)`, 'ms', found);
    figures.push(...found);
  }
  return figures;
}

async function measure(jitsu: JitsuChild): Promise<{ readonly processor: number; readonly time: number }> {
  const before = threadsTime(jitsu.pid);
  const time = await timeOf(() => askForAddress(jitsu.port, SUMMONED_NAME));
  const processor = threadsTime(jitsu.pid) - before;
  await jitsu.stop('summon');
  return { processor, time };
}
