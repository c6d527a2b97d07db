import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmulatedGuest } from '../support/xapi/emulated-guest.js';
import { PoolServer } from '../support/xapi/pool-server.js';
import { askForAddress } from './ask.js';
import { JitsuChild } from './jitsu-child.js';
import { median } from './median.js';
import { printTable } from './table.js';

const ROUNDS = 15;
const ADDRESS = '127.0.0.88';
const OTHER_ADDRESS = '127.0.0.89';
const NAME = 'xapi.bench.test';
const VM = 'bench';
/** How long the emulated guest takes to boot, in milliseconds. */
const BOOT = 200;

/**
 * How long after the service of an emulated VM is there the query is answered that woke it, against somebody who starts
 * the VM by one call and tries its service every millisecond.
 */
export async function benchXapi(): Promise<void> {
  await using server = await PoolServer.start();
  await using guest = new EmulatedGuest(server.pool, VM, ADDRESS, BOOT);
  const unikernel = { name: VM, dns: NAME, ip: ADDRESS, backend: 'xapi', ready: 'tcp:8080' };
  await using jitsu = await JitsuChild.start([unikernel], NAME, {
    settings: { backends: { xapi: { connect: server.uri() } } },
  });
  // Jitsu knows nothing of this one.
  await using other = new EmulatedGuest(server.pool, 'by-hand', OTHER_ADDRESS, BOOT);
  const summoned: number[] = [];
  const byHand: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await askForAddress(jitsu.port, NAME);
    summoned.push(performance.now() - guest.listeningSince!);
    await jitsu.stop(VM);
    server.pool.put(other.name, 'Running');
    while (!(await takesConnection())) await sleep(1);
    byHand.push(performance.now() - other.listeningSince!);
    server.pool.put(other.name, 'Halted');
  }
  printTable(`Answer after the service of a VM of an emulated pool was there, median of ${ROUNDS} rounds`, [
    ['', 'ms', 'slowest'],
    row('started and tried by hand', byHand),
    row('summoned by name', summoned),
  ]);
}

function row(label: string, times: readonly number[]): string[] {
  return [label, ...[median(times), Math.max(...times)].map((ms) => ms.toFixed(1))];
}

function takesConnection(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(8080, OTHER_ADDRESS);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
