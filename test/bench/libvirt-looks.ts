import { defineDomains, type LibvirtSetting } from './libvirt-setting.js';
import { median } from './median.js';
import { printTable } from './table.js';
import { timeOf } from './time-of.js';

const ROUNDS = 7;
const LOOKS = 1_000;
const AT_ONCE = 100;

/** Descriptions per second and processor time of each, beside the calls of libvirt that they are made of. */
export async function benchLooks(setting: LibvirtSetting): Promise<void> {
  await using domains = await defineDomains(setting, 1);
  const { backend, bare, ids } = domains;
  const id = ids[0] ?? '';
  const look = (): Promise<unknown> => backend.describe(id);
  const contestants = [
    contestant("libvirt's calls for it, on this thread", async () => bare.describe(id), 1),
    contestant('describe(), one at a time', look, 1),
    contestant(`describe(), ${AT_ONCE} at once`, look, AT_ONCE),
  ];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const each of contestants) await measure(each);
  }
  const least = median(contestants[0]?.processor ?? []);
  const rows = contestants.map(({ title, perSecond, processor }) => {
    const cost = median(processor);
    return [title, Math.round(median(perSecond)).toString(), cost.toFixed(0), (cost / least).toFixed(2)];
  });
  const title = `${setting.label}: descriptions of a domain, median of ${ROUNDS} rounds of ${LOOKS} by turns`;
  printTable(title, [['', 'per second', 'CPU µs each', 'CPU ratio'], ...rows]);
}

interface Contestant {
  readonly title: string;
  readonly look: () => Promise<unknown>;
  readonly atOnce: number;
  readonly perSecond: number[];
  /** Of all threads of this process, in microseconds. */
  readonly processor: number[];
}

function contestant(title: string, look: Contestant['look'], atOnce: number): Contestant {
  return { title, look, atOnce, perSecond: [], processor: [] };
}

async function measure({ look, atOnce, perSecond, processor }: Contestant): Promise<void> {
  const before = process.cpuUsage();
  const time = await timeOf(async () => {
    for (let n = 0; n < LOOKS; n += atOnce) await Promise.all(Array.from({ length: atOnce }, look));
  });
  const { user, system } = process.cpuUsage(before);
  perSecond.push((LOOKS / time) * 1_000);
  processor.push((user + system) / LOOKS);
}
