import { median } from '../median.js';
import { processorTime } from '../process-usage.js';
import type { Contestant } from './contestant.js';
import { loadServer } from './dns-load.js';

const ROUNDS = 5;
const SECONDS = 3;

/** How it is measured, for the title of a table. */
export const CONTEST_RULES = `dnsperf -T1 -c1, median of ${ROUNDS} rounds of ${SECONDS} s by turns, each server warmed up`;

export interface ContestResult {
  readonly contestant: Contestant;
  readonly queriesPerSecond: number;
  /** Processor time of the whole process, all threads, in microseconds. */
  readonly processorPerQuery: number;
  readonly lost: number;
}

interface Round {
  readonly queriesPerSecond: number;
  readonly processorPerQuery: number;
  readonly lost: number;
}

/** Measures servers by turns under the same queries, so that all of them meet the same machine. */
export async function holdContest(contestants: readonly Contestant[], file: string): Promise<ContestResult[]> {
  const rounds = new Map<Contestant, Round[]>(contestants.map((contestant) => [contestant, []]));
  // What is compiled while it runs is compiled by then, and caches are full.
  for (const { port } of contestants) await loadServer(port, file, SECONDS);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const contestant of contestants) rounds.get(contestant)?.push(await measure(contestant, file));
  }
  return [...rounds].map(([contestant, measured]) => ({
    contestant,
    queriesPerSecond: median(measured.map(({ queriesPerSecond }) => queriesPerSecond)),
    processorPerQuery: median(measured.map(({ processorPerQuery }) => processorPerQuery)),
    lost: measured.reduce((sum, { lost }) => sum + lost, 0),
  }));
}

async function measure({ pid, port }: Contestant, file: string): Promise<Round> {
  const before = processorTime(pid);
  const { answers, lost, seconds } = await loadServer(port, file, SECONDS);
  return {
    queriesPerSecond: answers / seconds,
    processorPerQuery: ((processorTime(pid) - before) * 1_000) / answers,
    lost,
  };
}
