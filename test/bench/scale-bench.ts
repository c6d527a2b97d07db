import { NameTable, type Named } from '#core/dns/resolvers/name-table.js';
import { JitsuChild } from './jitsu-child.js';
import { processorTime, residentMemory } from './process-usage.js';
import { printTable } from './table.js';

const LOOK_UPS = 500_000;

/** Start time, memory and look-ups with very many names, one unikernel each, beside the same with one. */
export async function benchScale(): Promise<void> {
  await benchStart();
  benchLookUps();
}

async function benchStart(): Promise<void> {
  const rows = [];
  for (const count of [1, 100_000, 1_000_000]) {
    await using jitsu = await JitsuChild.start(Array.from({ length: count }, unikernel), 'n0.bench.test');
    rows.push([
      String(count),
      Math.round(jitsu.startTime).toString(),
      (processorTime(jitsu.pid) / 1_000).toFixed(1),
      Math.round(residentMemory(jitsu.pid)).toString(),
    ]);
  }
  printTable('From the start of the process to its first answer', [
    ['names', 'ms', 'processor s', 'resident MiB'],
    ...rows,
  ]);
}

/** Names of which each is looked up as often as the others, in an order that no cache of the processor foresees. */
function benchLookUps(): void {
  const rows = [1, 100_000, 1_000_000].map((count) => {
    const exact = Array.from({ length: count }, (_, n) => named(`n${n}.bench.test`));
    const wildcards = Array.from({ length: count }, (_, n) => named(`*.w${n}.bench.test`));
    const few = new NameTable(exact);
    const many = new NameTable(exact.concat(wildcards));
    return [
      String(count),
      ...[
        lookUpsPerSecond(few, count, (n) => `n${n}.bench.test`),
        lookUpsPerSecond(many, count, (n) => `n${n}.bench.test`),
        lookUpsPerSecond(many, count, (n) => `some.host.w${n}.bench.test`),
      ].map((figure) => figure.toLocaleString('en')),
    ];
  });
  const head = ['names', 'exact', 'exact, as many wildcards beside', 'below one of the wildcards'];
  printTable('Look-ups per second of the processor in the table of names', [head, ...rows]);
}

function lookUpsPerSecond(table: NameTable<Named>, count: number, nameOf: (n: number) => string): number {
  // Strings of their own, as they come out of a message.
  const names = Array.from({ length: LOOK_UPS }, (_, n) => Buffer.from(nameOf((n * 7_919) % count)).toString('latin1'));
  // The processor's time: others may want it as well.
  const started = process.cpuUsage();
  for (const name of names) if (table.find(name)?.kind !== 'entries') throw new Error(`${name} was not found`);
  const { user, system } = process.cpuUsage(started);
  return Math.round((LOOK_UPS / (user + system)) * 1_000_000);
}

function named(name: string): Named {
  return { plan: { names: [name], addresses: [] } };
}

function unikernel(_: unknown, n: number): object {
  const ip = `127.${1 + (n >> 16)}.${(n >> 8) & 0xff}.${n & 0xff}`;
  return { name: `n${n}`, dns: `n${n}.bench.test`, ip, backend: 'process', command: ['sleep', '3600'] };
}
