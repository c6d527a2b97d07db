import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FleetFigures } from './armed-fleet.js';
import { median } from './median.js';
import { printTable } from './table.js';

const PROGRAM = fileURLToPath(new URL('armed-fleet.js', import.meta.url));
const MANY = 100_000;
const ROUNDS = 3;

/** What it takes to hold first packets for very many unikernels, all the way from core to the kernel. */
export async function benchArming(): Promise<void> {
  const rounds: FleetFigures[] = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measure());
  const of = (key: keyof FleetFigures): number => median(rounds.map((figures) => figures[key]));
  printTable(`${MANY} stopped unikernels, from core to the kernel; medians of ${ROUNDS}`, [
    ['', 'ms'],
    ['all allowed before root is given up', of('allowed').toFixed(0)],
    ['all armed', of('armed').toFixed(0)],
    ['the gate killed: all armed again', of('restarted').toFixed(0)],
    ['the main thread held up meanwhile, at most', `${of('lag').toFixed(0)} and ${of('restartLag').toFixed(0)}`],
    ['connect to knock in core, median', of('knock').toFixed(2)],
    ['connect to knock in core, p99', of('slowKnock').toFixed(2)],
    ['one released', of('released').toFixed(2)],
    ['one armed', of('armedAgain').toFixed(2)],
    ['gate, bytes each', of('gateMemory').toFixed(0)],
    ['main process, bytes each', of('mainMemory').toFixed(0)],
  ]);
}

async function measure(): Promise<FleetFigures> {
  const mine = process.geteuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const child = fork(PROGRAM, [String(MANY)], {
    ...{ execPath: 'unshare', execArgv: [...mine, '--net', process.execPath, '--expose-gc'] },
  });
  const ended = once(child, 'exit').then(([status]) => {
    throw new Error(`it ended with ${String(status)}`);
  });
  const [figures] = (await Promise.race([once(child, 'message'), ended])) as [FleetFigures];
  await ended.catch(() => undefined);
  return figures;
}
