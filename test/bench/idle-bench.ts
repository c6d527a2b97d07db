import { setTimeout as sleep } from 'node:timers/promises';
import { askForAddress } from './ask.js';
import { JitsuChild } from './jitsu-child.js';
import { anonymousMemory, processTree, switchesOf } from './process-tree.js';
import { publishedTree } from './published.js';
import { printTable } from './table.js';

/** How long nobody asks before it is looked, and while it is, in seconds: V8 tidies up half a minute after the last work. */
const SETTLING = 45;
const WATCHED = 60;

const NAME = 'idle.bench.test';
const PROGRAM = ['sleep', '3601'];
const UNIKERNEL = { name: 'idle', dns: NAME, ip: '127.0.0.88', backend: 'process', command: PROGRAM };

/** How often the threads of Jitsu and of its helpers wake while nobody asks, and what memory they hold. */
export async function benchIdle(): Promise<void> {
  const tree = publishedTree();
  const rows: string[][] = [];
  for (const transport of ['dgram', 'mmsg']) {
    for (const isStarted of [false, true]) {
      await using jitsu = await JitsuChild.start([UNIKERNEL], NAME, { tree, dns: { transport } });
      if (isStarted) await askForAddress(jitsu.port, NAME);
      await sleep(1_000 * SETTLING);
      const processes = processTree(jitsu.pid, (command) => command.startsWith(PROGRAM.join(' ')));
      const sum = (measure: (pid: number) => number): number =>
        processes.reduce((total, pid) => total + measure(pid), 0);
      const memory = sum(anonymousMemory);
      const before = sum(switchesOf);
      await sleep(1_000 * WATCHED);
      const wakes = (sum(switchesOf) - before) / WATCHED;
      const state = isStarted ? 'started' : 'stopped';
      rows.push([`${transport}, unikernel ${state}`, wakes.toFixed(2), memory.toFixed(1), String(processes.length)]);
    }
  }
  printTable(`Idle for ${WATCHED} s`, [['', 'wakes/s', 'MiB anonymous', 'processes'], ...rows]);
}
