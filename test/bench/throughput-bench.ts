import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../support/find-program.js';
import { ask, askForAddress } from './ask.js';
import { LOAD_GENERATOR, loadServer } from './dns-load.js';
import { freePort } from './free-port.js';
import { JitsuChild } from './jitsu-child.js';
import { median } from './median.js';
import { processorTime } from './process-usage.js';
import { printTable } from './table.js';

const ROUNDS = 3;
const SECONDS = 4;
const NAME = 'ready.bench.test';
const ADDRESS = '127.0.0.87';
const ECHO = fileURLToPath(new URL('echo-server.js', import.meta.url));

interface Contestant {
  readonly label: string;
  readonly pid: number;
  readonly port: number;
  readonly queriesPerSecond: number[];
  /** In microseconds. */
  readonly processorPerQuery: number[];
}

/** Queries per second and processor time per query for a name that is ready, side by side with other servers. */
export async function benchThroughput(): Promise<void> {
  const command = ['sleep', '3600'];
  const unikernel = { name: 'ready', dns: NAME, ip: ADDRESS, backend: 'process', command, responseDelay: 0 };
  await using jitsu = await JitsuChild.start([unikernel], NAME);
  await askForAddress(jitsu.port, NAME);
  const others: ChildProcess[] = [];
  try {
    const contestants = [
      await startOther(others, 'Node dgram echo', (port) => [process.execPath, ECHO, String(port)]),
      contestant('jitsu', jitsu.pid, jitsu.port),
    ];
    const dnsmasq = findProgram('dnsmasq');
    if (dnsmasq !== undefined) {
      contestants.push(await startOther(others, 'dnsmasq', (port) => [dnsmasq, ...dnsmasqWords(port)]));
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const each of contestants) await measure(each);
    }
    printContest(contestants);
  } finally {
    await Promise.all(others.map(end));
  }
}

function contestant(label: string, pid: number, port: number): Contestant {
  return { label, pid, port, queriesPerSecond: [], processorPerQuery: [] };
}

function dnsmasqWords(port: number): string[] {
  const words = '--keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces --pid-file';
  return [...words.split(' '), '--listen-address=127.0.0.1', `--port=${port}`, `--address=/${NAME}/${ADDRESS}`];
}

async function startOther(
  started: ChildProcess[],
  label: string,
  commandFor: (port: number) => string[],
): Promise<Contestant> {
  const port = await freePort();
  const [program = '', ...parameters] = commandFor(port);
  const child = spawn(program, parameters, { stdio: ['ignore', 'ignore', 'inherit'] });
  await once(child, 'spawn');
  started.push(child);
  await ask(port, NAME, 'A', 20);
  return contestant(label, child.pid ?? 0, port);
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  if (child.kill('SIGKILL')) await ended;
}

async function measure({ pid, port, queriesPerSecond, processorPerQuery }: Contestant): Promise<void> {
  const before = processorTime(pid);
  const { answers, seconds } = await loadServer(port, NAME, SECONDS);
  queriesPerSecond.push(answers / seconds);
  processorPerQuery.push(((processorTime(pid) - before) * 1_000) / answers);
}

function printContest(contestants: readonly Contestant[]): void {
  const [echo] = contestants;
  const echoCost = median(echo?.processorPerQuery ?? []);
  const rows = contestants.map(({ label, queriesPerSecond, processorPerQuery }) => {
    const cost = median(processorPerQuery);
    return [label, Math.round(median(queriesPerSecond)).toString(), cost.toFixed(1), (cost / echoCost).toFixed(2)];
  });
  const title = `A name that is ready, load by ${LOAD_GENERATOR}, median of ${ROUNDS} rounds of ${SECONDS} s by turns`;
  printTable(title, [['', 'queries/s', 'CPU µs/query', 'CPU ratio to echo'], ...rows]);
}
