import { defineDomains, type LibvirtSetting } from './libvirt-setting.js';
import { median } from './median.js';
import { printTable } from './table.js';
import { timeOf } from './time-of.js';

/** What the backend adds to virDomainCreate: the same domain started in each way by turns. */
export async function benchCreate(setting: LibvirtSetting): Promise<void> {
  const { label, createRounds, virsh } = setting;
  await using domains = await defineDomains(setting, 1);
  const { backend, bare, names, ids } = domains;
  const [name = '', id = ''] = [names[0], ids[0]];
  const contestants = [
    { title: 'virDomainCreate alone, on this thread', times: [] as number[], start: () => bare.create(name) },
    { title: 'start() of the backend', times: [] as number[], start: () => backend.start(id) },
    ...(virsh ? [{ title: 'virsh start', times: [] as number[], start: () => virsh(`start ${name}`) }] : []),
  ];
  for (let round = 0; round < createRounds; round += 1) {
    for (const { times, start } of contestants) {
      times.push(await timeOf(start));
      bare.destroy(name);
    }
  }
  const least = median(contestants[0]?.times ?? []);
  const rows = contestants.map(({ title, times }) => {
    const figures = [median(times), Math.min(...times), median(times) - least];
    return [title, ...figures.map((ms) => ms.toFixed(2)), (median(times) / least).toFixed(2)];
  });
  printTable(`${label}: a machine created, median of ${createRounds} rounds by turns`, [
    ['', 'ms', 'fastest', 'added ms', 'ratio'],
    ...rows,
  ]);
}
