import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { askForAddress } from './ask.js';
import { freePort } from '../support/free-port.js';
import { JitsuChild } from './jitsu-child.js';
import { median } from './median.js';
import { printTable } from './table.js';
import { timeOf } from './time-of.js';

const ROUNDS = 25;
const ADDRESS = '127.0.0.86';
export const SUMMONED_NAME = 'summon.bench.test';
const SERVER = `require('net').createServer((s) => s.end('ready')).listen(+process.argv[1], '${ADDRESS}')`;

/** A web server in Node, called `summon`, that listens on this port. */
export function summonedUnikernel(port: number): { readonly command: readonly string[] } & Record<string, unknown> {
  const command = [process.execPath, '-e', SERVER, String(port)];
  return { name: 'summon', dns: SUMMONED_NAME, ip: ADDRESS, backend: 'process', ready: `tcp:${port}`, command };
}

/**
 * From the query to the answer for a program that does not run, against the same program started by hand and tried
 * every millisecond until it takes a connection; by turns, so that both meet the same machine.
 */
export async function benchSummon(): Promise<void> {
  const port = await freePort();
  const unikernel = summonedUnikernel(port);
  await using jitsu = await JitsuChild.start([unikernel], SUMMONED_NAME);
  const summoned: number[] = [];
  const byHand: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    summoned.push(await timeOf(() => askForAddress(jitsu.port, SUMMONED_NAME)));
    await jitsu.stop('summon');
    byHand.push(await startByHand(unikernel.command, port));
  }
  const [theirs, ours] = [median(byHand), median(summoned)];
  printTable(`Query to answer of a stopped program, median of ${ROUNDS} rounds`, [
    ['', 'ms', 'fastest', 'slowest', 'ratio'],
    row('started by hand', byHand, 1),
    row('summoned by name', summoned, ours / theirs),
  ]);
}

function row(label: string, times: readonly number[], ratio: number): string[] {
  return [
    label,
    ...[median(times), Math.min(...times), Math.max(...times)].map((ms) => ms.toFixed(1)),
    ratio.toFixed(3),
  ];
}

async function startByHand([program = '', ...parameters]: readonly string[], port: number): Promise<number> {
  const started = performance.now();
  const child = spawn(program, parameters, { stdio: 'ignore', detached: true });
  try {
    while (!(await takesConnection(port))) await sleep(1);
    return performance.now() - started;
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

function takesConnection(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, ADDRESS);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
