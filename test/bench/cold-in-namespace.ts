/** The measurements of {@link benchCold}, in the network that it has made. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemClock } from '#core/clock.js';
import { PingProbe } from '#core/builtins/ping-probe.js';
import { loadPosixSpawn } from '#core/plugin-kit/posix-spawn.js';
import { tapGuestWords } from '../support/ping/tap-guest.js';
import { askForAddress } from './ask.js';
import { JitsuChild } from './jitsu-child.js';
import { median } from './median.js';
import { printTable } from './table.js';
import { timeOf } from './time-of.js';

const PAIRS = 30;
const ADDRESS = '10.7.0.2';
const NAME = 'cold.bench.test';

const [guest = ''] = process.argv.slice(2);
const words = tapGuestWords('tap0', [ADDRESS]);
const posix = await loadPosixSpawn();
if (posix === undefined) throw new Error('There is no posix_spawn to compare with.');
const probe = new PingProbe(new SystemClock());
const ping = (): Promise<void> =>
  probe.untilReady({ name: 'cold', id: 'cold', addresses: [ADDRESS] }, AbortSignal.timeout(10_000));

/** What is in front of the program on both sides. */
const LAUNCHERS = {
  'as Jitsu itself, sealed': { front: [], options: {}, settings: {} },
  'as Jitsu itself, not sealed': { front: [], options: {}, settings: { privileges: 'none' } },
  'with a limit of files': {
    front: ['/usr/bin/prlimit', '--nofile=64:64'],
    options: { limits: { files: 64 } },
    settings: {},
  },
} as const;

const rows: string[][] = [];
for (const [label, { front, options, settings }] of Object.entries(LAUNCHERS)) {
  const unikernel = { name: 'cold', dns: NAME, ip: ADDRESS, backend: 'process', ready: 'ping', ...options };
  const jitsu = await JitsuChild.start([{ ...unikernel, command: [guest, ...words] }], NAME, { settings });
  const [summoned, byHand]: [number[], number[]] = [[], []];
  // The first boot loads what the others use.
  for (let pair = -3; pair < PAIRS; pair += 1) {
    const hand = await startByHand([...front, guest, ...words]);
    const name = await timeOf(async () => {
      await askForAddress(jitsu.port, NAME);
      await ping();
    });
    await jitsu.stop('cold');
    await sleep(20);
    if (pair < 0) continue;
    byHand.push(hand);
    summoned.push(name);
  }
  await jitsu[Symbol.asyncDispose]();
  const above = median(summoned.map((time, pair) => time - (byHand[pair] ?? NaN)));
  rows.push([label, ...[median(byHand), median(summoned), above].map((time) => time.toFixed(2))]);
}
printTable(`The first ping of a program of 2 KiB, medians of ${PAIRS} pairs, in ms`, [
  ['', 'by hand', 'by name', 'above'],
  ...rows,
]);

async function startByHand(all: readonly string[]): Promise<number> {
  let pid = 0;
  const time = await timeOf(async () => {
    const [program = ''] = all;
    pid = posix?.spawn({ program, words: all, variables: process.env, out: undefined, errors: undefined }) ?? 0;
    await ping();
  });
  process.kill(pid, 'SIGKILL');
  while (posix?.nextChange()?.exit === undefined) await sleep(1);
  posix.take(pid);
  await sleep(20);
  return time;
}
