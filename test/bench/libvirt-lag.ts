import { LagComparison, type ComparedLag } from './lag-comparison.js';
import { defineDomains, type LibvirtSetting } from './libvirt-setting.js';
import type { LoopLag } from './loop-watch.js';
import { median } from './median.js';
import { printTable } from './table.js';

const CREATES = 20;

/**
 * By how much Node's main loop is late while many creates run at once: the first time, when the threads are started for
 * them, and later.
 */
export async function benchLag(setting: LibvirtSetting): Promise<void> {
  const first: ComparedLag[] = [];
  const later: ComparedLag[] = [];
  await using comparison = new LagComparison();
  for (let round = 0; round < setting.lagRounds; round += 1) {
    await using domains = await defineDomains(setting, CREATES);
    const { backend, bare, names, ids } = domains;
    for (const lags of [first, later]) {
      lags.push(await comparison.during(() => Promise.all(ids.map((id) => backend.start(id)))));
      for (const name of names) bare.destroy(name);
    }
  }
  printTable(
    `${setting.label}: by how many ms the main loop is late while ${CREATES} creates run at once, ${setting.lagRounds} rounds`,
    [
      ['', 'latest', 'median of latest', 'median of p99'],
      ...rows('the first creates of a connection', first),
      ...rows('later ones', later),
    ],
  );
}

function rows(title: string, lags: readonly ComparedLag[]): string[][] {
  return [
    row(
      title,
      lags.map(({ ours }) => ours),
    ),
    row(
      '  an idle process meanwhile',
      lags.map(({ idle }) => idle),
    ),
  ];
}

function row(title: string, lags: readonly LoopLag[]): string[] {
  const latest = lags.map(({ max }) => max);
  const figures = [Math.max(...latest), median(latest), median(lags.map(({ p99 }) => p99))];
  return [title, ...figures.map((ms) => ms.toFixed(1))];
}
