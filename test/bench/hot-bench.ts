import { QueryView } from '#core/dns/wire/query-view.js';
import { PacketCache } from '#core/dns/packet-cache/packet-cache.js';
import { PacketReader, LONGEST_CACHED_ANSWER } from '#core/dns/packet-cache/packet-reader.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { anAdmission } from '../support/dns-admission.js';
import { queryBytes } from '../support/dns-message.js';
import { aQuery } from '../support/dns-query.js';
import { median } from './median.js';
import { printTable } from './table.js';
import { LASTING_LEASE } from '../support/fake-lease.js';

const ROUNDS = 5;
const CALLS = 1_000_000;

/**
 * What a hot answer costs by itself, without a socket: hits and misses of one reader, over many names by turns. A
 * comparison of two checkouts finds the rows by their labels (hot-comparison.ts).
 */
export function benchHot(): void {
  const rows = [
    measure('hit, 1 name', 1, 1, {}),
    measure('hit, 1 name, EDNS', 1, 1, { edns: {} }),
    measure('hit, 5,000 names, EDNS', 5_000, 1, { edns: {} }),
    measure('hit, 8 addresses that take turns, EDNS', 1, 8, { edns: {} }),
    measure('miss, EDNS', 0, 1, { edns: {} }),
  ];
  printTable(`Hot answers without a socket, median of ${ROUNDS} rounds`, [['', 'CPU ns', 'answered'], ...rows]);
}

function measure(label: string, names: number, addresses: number, options: { edns?: object }): string[] {
  const hot = new PacketCache(false, new ManualClock());
  const ask = (index: number): Uint8Array => queryBytes(`name-${index}.bench.test`, options);
  for (let index = 0; index < names; index += 1) {
    const name = `name-${index}.bench.test`;
    const answers = Array.from({ length: addresses }, (_, number) => ({
      ...({ name, type: 'A', ttl: 60 } as const),
      address: `192.0.2.${number}`,
    }));
    hot.keep(aQuery(name, options), { rcode: 0, answers, lease: LASTING_LEASE });
  }
  const queries = Array.from({ length: Math.max(1, names) }, (_, index) => ask(index));
  const reader = new PacketReader(hot.memory, false);
  const admission = anAdmission();
  const view = new QueryView(hot.memory.seed);
  const out = new Uint8Array(LONGEST_CACHED_ANSWER);
  const times: number[] = [];
  let answered = 0;
  for (let round = 0; round <= ROUNDS; round += 1) {
    answered = 0;
    const before = process.cpuUsage();
    for (let call = 0, index = 0; call < CALLS; call += 1, index = index + 1 === queries.length ? 0 : index + 1) {
      const query = queries[index] as Uint8Array;
      if (view.read(query, query.length) && reader.answer(view, query, query.length, out, admission, 1) > 0)
        answered += 1;
    }
    // The first round is for the compiler.
    const { user, system } = process.cpuUsage(before);
    if (round > 0) times.push(((user + system) * 1_000) / CALLS);
  }
  return [label, median(times).toFixed(1), `${Math.round((answered / CALLS) * 100)} %`];
}
