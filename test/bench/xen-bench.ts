import { readFile } from 'node:fs/promises';
import { XenRun } from '../support/xen/xen-run.js';
import { median } from './median.js';
import { printTable } from './table.js';
import { MARK } from './xen-mark.js';
import { measureXen, ROUNDS, type XenTimes } from './xen-times.js';

const TEST = ['Xen', 'is measured'];

/** What Jitsu adds to the boot of a guest of Xen: in dom0 where this is one, else in that of the tests, under QEMU. */
export async function benchXen(): Promise<void> {
  // What a suite would be skipped for.
  const skip = (): never => {
    throw new Error('that takes a dom0, or root, QEMU for x86-64 and apt-get to make one');
  };
  const context = { skip } as unknown as Mocha.Context;
  const capabilities = await readFile('/proc/xen/capabilities', 'utf8').catch(() => '');
  const isDom0 = capabilities.includes('control_d');
  let times: XenTimes;
  try {
    times = await (isDom0 ? measureXen(context) : measureUnderQemu(context));
  } catch (error) {
    console.log(`\nNothing is measured on Xen: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  const least = median(times.byHand);
  const row = (title: string, ms: readonly number[]): string[] => [
    title,
    ...[median(ms), Math.min(...ms), Math.max(...ms)].map((figure) => figure.toFixed(0)),
    (median(ms) / least).toFixed(2),
  ];
  printTable(`${isDom0 ? 'Xen' : 'Xen under QEMU'}: a guest boots and serves, median of ${ROUNDS} rounds by turns`, [
    ['', 'ms', 'fastest', 'slowest', 'ratio'],
    row('xl create, until it takes a connection', times.byHand),
    row('query to answer', times.summoned),
  ]);
}

async function measureUnderQemu(context: Mocha.Context): Promise<XenTimes> {
  const run = await XenRun.start(context, {
    files: ['test/dist/bench/xen-in-dom0.js'],
    tests: [TEST],
    environment: {},
  });
  try {
    const outcome = await run.outcomeOf(TEST);
    if (outcome.state === 'failed') throw new Error(outcome.error.message);
  } finally {
    await run[Symbol.asyncDispose]();
  }
  const lines = (await readFile(run.consoleFile, 'utf8')).replaceAll('\r', '').split('\n');
  const line = lines.find((text) => text.startsWith(MARK));
  if (line === undefined) throw new Error(`the times are not in ${run.consoleFile}`);
  return JSON.parse(line.slice(MARK.length)) as XenTimes;
}
