import { askForAddress } from '../ask.js';
import type { Contestant } from '../contest/contestant.js';
import { loadServer } from '../contest/dns-load.js';
import { ECHO_TRANSPORTS, type EchoTransport } from '../contest/echo.js';
import { startJitsu } from '../contest/jitsu-contestant.js';
import { QueryFile } from '../contest/query-file.js';
import type { Scene } from '../contest/scene.js';
import { ServerStack } from '../contest/server-stack.js';
import { threadsTime } from '../process-usage.js';
import { pairedFigure, printFigures, type Figure } from './figure.js';
import { measureRounds, type Trio } from './rounds.js';
import type { Tree } from './tree.js';

/** Of one measurement: enough for thousands of answers, and so short that a pair meets the same machine. */
const SECONDS = 1.5;
const WARM_UP = 1.5;

/** What one server took for each task, in the order of the tasks. */
type Measured = readonly { readonly processor: number; readonly time: number }[];

/**
 * Puts the Jitsus of two trees under the same queries by turns, as fast as they answer. Each pair has servers of its
 * own: how a process lies in memory, and how large its heap is after the start, lasts as long as the process does, and
 * more pairs of the same two servers would never tell that from a difference of the trees.
 */
export async function compareContest(bench: string, scene: Scene, trees: Trio<Tree>, pairs: number): Promise<Figure[]> {
  await using files = new ServerStack();
  const paths: string[] = [];
  for (const { queries } of scene.tasks) paths.push(files.use(await QueryFile.write(queries)).path);
  const figures: Figure[] = [];
  for (const transport of ECHO_TRANSPORTS) {
    const rounds = await measureRounds(trees, pairs, (tree) => measureTasks(transport, scene, paths, tree));
    for (const [n, { title }] of scene.tasks.entries()) {
      const of = (key: keyof Measured[number]): Trio<number>[] =>
        rounds.map(({ before, after, again }) => ({
          ...{ before: before[n]?.[key] ?? NaN, after: after[n]?.[key] ?? NaN, again: again[n]?.[key] ?? NaN },
        }));
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

async function measureTasks(
  transport: EchoTransport,
  scene: Scene,
  paths: readonly string[],
  tree: Tree,
): Promise<Measured> {
  await using jitsu = await startJitsu(transport, scene, tree);
  for (const name of scene.names ?? []) await askForAddress(jitsu.port, name);
  const measured = [];
  for (const path of paths) {
    await loadServer(jitsu.port, path, WARM_UP);
    measured.push(await measure(jitsu, path));
  }
  return measured;
}

/** Both in microseconds a query: the processor time of all threads, and what passes from one answer to the next. */
async function measure({ pid, port }: Contestant, file: string): Promise<Measured[number]> {
  const before = threadsTime(pid);
  const { answers, seconds } = await loadServer(port, file, SECONDS);
  return { processor: ((threadsTime(pid) - before) * 1_000) / answers, time: (seconds * 1e6) / answers };
}
