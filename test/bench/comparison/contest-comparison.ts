import { askForAddress } from '../ask.js';
import type { Contestant } from '../contest/contestant.js';
import { loadServer } from '../contest/dns-load.js';
import { ECHO_TRANSPORTS } from '../contest/echo.js';
import { startJitsu } from '../contest/jitsu-contestant.js';
import { QueryFile } from '../contest/query-file.js';
import type { Scene } from '../contest/scene.js';
import { ServerStack } from '../contest/server-stack.js';
import { threadsTime } from '../process-usage.js';
import { pairedFigure, printFigures, type Figure } from './figure.js';
import { forEachOf, measureRounds, type Trio } from './rounds.js';
import type { Tree } from './tree.js';

/** Of one measurement: enough for thousands of answers, and so short that a pair meets the same machine. */
const SECONDS = 1.5;
const WARM_UP = 3;

/** Puts the Jitsus of two trees under the same queries by turns, as fast as they answer. */
export async function compareContest(bench: string, scene: Scene, trees: Trio<Tree>, pairs: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const transport of ECHO_TRANSPORTS) {
    await using started = new ServerStack();
    const jitsus = await forEachOf(trees, async (tree) => started.use(await startJitsu(transport, scene, tree)));
    await forEachOf(jitsus, async ({ port }) => {
      for (const name of scene.names ?? []) await askForAddress(port, name);
    });
    for (const { title, queries } of scene.tasks) {
      await using file = await QueryFile.write(queries);
      await forEachOf(jitsus, ({ port }) => loadServer(port, file.path, WARM_UP));
      const rounds = await measureRounds(jitsus, pairs, (jitsu) => measure(jitsu, file.path));
      const of = (key: 'processor' | 'time'): Trio<number>[] =>
        rounds.map(({ before, after, again }) => ({ before: before[key], after: after[key], again: again[key] }));
      const found = [
        pairedFigure(`${bench}, ${transport}: CPU per query`, of('processor')),
        pairedFigure(`${bench}, ${transport}: time per query`, of('time')),
      ];
      printFigures(`${title}, ${transport} (${pairs} pairs of ${SECONDS} s)`, 'µs', found);
      figures.push(...found.map((figure) => ({ ...figure, label: `${figure.label} (${title})` })));
    }
  }
  return figures;
}

/** Both in microseconds a query: the processor time of all threads, and what passes from one answer to the next. */
async function measure(
  { pid, port }: Contestant,
  file: string,
): Promise<{ readonly processor: number; readonly time: number }> {
  const before = threadsTime(pid);
  const { answers, seconds } = await loadServer(port, file, SECONDS);
  return { processor: ((threadsTime(pid) - before) * 1_000) / answers, time: (seconds * 1e6) / answers };
}
