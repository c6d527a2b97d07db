import { setTimeout as sleep } from 'node:timers/promises';
import { askForAddress } from './ask.js';
import { ServerStack } from './contest/server-stack.js';
import { JitsuChild } from './jitsu-child.js';
import { anonymousMemory, processTree, wakesOf } from './process-tree.js';
import { publishedTree } from './published.js';
import { printTable } from './table.js';

/** What the start and the boot themselves still do is over after this time, in seconds. */
const SETTLING = 5;
/** In seconds. V8 tidies up once, mostly within the first minute: the second shows what remains. */
const WATCHED = 60;

const NAME = 'idle.bench.test';
const PROGRAM = ['sleep', '3601'];
const UNIKERNEL = { name: 'idle', dns: NAME, ip: '127.0.0.88', backend: 'process', command: PROGRAM };

/**
 * How often the threads of Jitsu and of its helpers wake while nobody asks, and what memory they hold. Several idle at
 * once: they take so little that they do not disturb each other.
 */
export async function benchIdle(): Promise<void> {
  const tree = publishedTree();
  await using started = new ServerStack();
  const rows: Promise<string[]>[] = [];
  for (const transport of ['dgram', 'mmsg']) {
    for (const isStarted of [false, true]) {
      const jitsu = started.use(await JitsuChild.start([UNIKERNEL], NAME, { tree, dns: { transport } }));
      if (isStarted) await askForAddress(jitsu.port, NAME);
      await sleep(1_000 * SETTLING);
      const processes = processTree(jitsu.pid, (command) => command.startsWith(PROGRAM.join(' ')));
      rows.push(watch(`${transport}, unikernel ${isStarted ? 'started' : 'stopped'}`, processes));
    }
  }
  printTable(`Nobody asks: two times ${WATCHED} s, from ${SETTLING} s after the start on`, [
    ['', 'wakes/s, 1st minute', '2nd', 'MiB anonymous, before', 'after the 1st', '2nd', 'processes'],
    ...(await Promise.all(rows)),
  ]);
}

/** @param processes Jitsu and its helpers */
async function watch(label: string, processes: readonly number[]): Promise<string[]> {
  const sum = (measure: (pid: number) => number): number => processes.reduce((total, pid) => total + measure(pid), 0);
  const wakes: string[] = [];
  const memory = [sum(anonymousMemory)];
  for (let minute = 1; minute <= 2; minute += 1) {
    const before = sum(wakesOf);
    await sleep(1_000 * WATCHED);
    wakes.push(((sum(wakesOf) - before) / WATCHED).toFixed(2));
    memory.push(sum(anonymousMemory));
  }
  return [label, ...wakes, ...memory.map((size) => size.toFixed(1)), String(processes.length)];
}
