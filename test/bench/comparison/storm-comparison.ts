import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../support/free-port.js';
import { LightGuest } from '../../support/light-guest.js';
import { ECHO_TRANSPORTS, type EchoTransport } from '../contest/echo.js';
import { ServerStack } from '../contest/server-stack.js';
import type { JitsuChild } from '../jitsu-child.js';
import { percentile } from '../percentile.js';
import { threadsTime } from '../process-usage.js';
import { IN_FLIGHT, PER_SECOND, startStormJitsu, STORM_QUERIES } from '../storm-bench.js';
import { BootStorm } from '../storm/boot-storm.js';
import { loadSteadily } from '../storm/steady-load.js';
import { medianFigure, pairedFigure, printFigures, type Figure } from './figure.js';
import { forEachOf, measureRounds, type Trio } from './rounds.js';
import type { Tree } from './tree.js';

const RUNS = 5;
const SECONDS = 5;
const WARM_UP = 3;
/** After a storm its last unikernels are stopped. */
const CALM = 3_500;

interface Run {
  readonly processor: number;
  readonly p99: number;
  readonly missing: number;
}

/** How ready names fare in a boot storm, in two trees: each has a storm of its own, one after the other. */
export async function compareStorm(trees: Trio<Tree>): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const transport of ECHO_TRANSPORTS) figures.push(...(await compareTransport(transport, trees)));
  return figures;
}

async function compareTransport(transport: EchoTransport, trees: Trio<Tree>): Promise<Figure[]> {
  using guest = new LightGuest();
  await using started = new ServerStack();
  const jitsus = await forEachOf(trees, async (tree) =>
    started.use(await startStormJitsu(transport, guest, await freePort(), tree)),
  );
  await forEachOf(jitsus, ({ port }) => loadSteadily(port, STORM_QUERIES, PER_SECOND, WARM_UP));
  const rounds = await measureRounds(jitsus, RUNS, measure);
  const of = (key: keyof Run): Trio<number>[] =>
    rounds.map(({ before, after, again }) => ({ before: before[key], after: after[key], again: again[key] }));
  const figures = [
    medianFigure(`storm, ${transport}: p99, ms`, of('p99')),
    pairedFigure(`storm, ${transport}: CPU per query, boots included, µs`, of('processor')),
  ];
  printFigures(
    `Ready names in a boot storm, ${transport} (${RUNS} runs of ${SECONDS} s each, ${PER_SECOND} queries/s)`,
    'median',
    figures,
  );
  const missing = (part: keyof Trio<Run>): string => rounds.map((round) => round[part].missing).join(', ');
  console.log(`  unanswered before: ${missing('before')}; now: ${missing('after')}; before again: ${missing('again')}`);
  return figures;
}

async function measure({ pid, port }: JitsuChild): Promise<Run> {
  const storm = new BootStorm(port, IN_FLIGHT);
  await storm.begin();
  const before = threadsTime(pid);
  const { latencies, missing } = await loadSteadily(port, STORM_QUERIES, PER_SECOND, SECONDS);
  const processor = threadsTime(pid) - before;
  await storm.end();
  await sleep(CALM);
  return {
    processor: (processor * 1_000) / latencies.length,
    p99: percentile(latencies, 99),
    missing,
  };
}
