import { JitsuChild } from './jitsu-child.js';
import { residentMemory } from './process-usage.js';
import { printTable } from './table.js';

/** Start time and memory with very many names, one unikernel each, beside the same with one. */
export async function benchScale(): Promise<void> {
  const rows = [];
  for (const count of [1, 100_000]) {
    await using jitsu = await JitsuChild.start(Array.from({ length: count }, unikernel), 'n0.bench.test');
    rows.push([
      String(count),
      Math.round(jitsu.startTime).toString(),
      Math.round(residentMemory(jitsu.pid)).toString(),
    ]);
  }
  printTable('From the start of the process to its first answer', [['names', 'ms', 'resident MiB'], ...rows]);
}

function unikernel(_: unknown, n: number): object {
  const ip = `127.${1 + (n >> 16)}.${(n >> 8) & 0xff}.${n & 0xff}`;
  return { name: `n${n}`, dns: `n${n}.bench.test`, ip, backend: 'process', command: ['sleep', '3600'] };
}
