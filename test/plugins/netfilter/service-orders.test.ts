import assert from 'node:assert/strict';
import type { ArmedService } from '@jitsud/core/plugin';
import { LONGEST_LINE } from '#netfilter/gate/line-stream.js';
import { checkOrder, MOST_LISTED, MOST_SERVICES, servicesIn } from '#netfilter/gate/messages.js';
import { addressBatches, armBatches, watchBatches } from '#netfilter/service-orders.js';
import { aService } from '../../support/netfilter/a-service.js';

const many = (count: number, parts: (index: number) => Partial<ArmedService> = () => ({})): ArmedService[] =>
  Array.from({ length: count }, (_, index) =>
    aService({ unikernel: `web${index}`, addresses: [`10.1.${index >> 8}.${index & 255}`], ...parts(index) }),
  );

/** What a gate takes of them, as it comes there. */
function taken(orders: readonly object[]): unknown[] {
  return orders.map((order) => {
    const line = JSON.stringify({ number: 1, ...order });
    assert.ok(line.length <= LONGEST_LINE, `${line.length} characters`);
    const checked = checkOrder(JSON.parse(line));
    assert.ok(checked, 'it is taken');
    return checked;
  });
}

describe('orders to arm', () => {
  it('have what services have in common once, and MACs where somebody asks for them', () => {
    const services = [
      aService({ unikernel: 'a', addresses: ['10.0.0.1', 'fd77::1'], macs: ['02:00:00:00:00:0A'] }),
      aService({ unikernel: 'b', addresses: ['10.0.0.2'], macs: [] }),
      aService({ unikernel: 'c', addresses: ['10.0.0.3'], connections: 'pass' }),
      aService({ unikernel: 'd', addresses: ['10.0.0.4'], ports: [{ protocol: 'udp', port: 53 }] }),
    ];
    const [batch, ...others] = [...armBatches(services, true)];
    assert.deepEqual(others, []);
    assert.deepEqual(batch!.services, services);
    assert.deepEqual(
      batch!.groups.map(({ unikernels, addresses, macs }) => [unikernels, addresses, macs]),
      [
        [
          ['a', 'b'],
          ['10.0.0.1 fd77::1', '10.0.0.2'],
          ['02:00:00:00:00:0a', ''],
        ],
        [['c'], ['10.0.0.3'], batch!.groups[1]!.macs],
        [['d'], ['10.0.0.4'], batch!.groups[2]!.macs],
      ],
    );
    assert.deepEqual(
      batch!.groups.map(({ ports, connections }) => [ports, connections]),
      [
        [batch!.groups[0]!.ports, 'refuse'],
        [batch!.groups[0]!.ports, 'pass'],
        [['udp/53'], 'refuse'],
      ],
    );
    const [without] = [...armBatches(services, false)];
    assert.ok(without!.groups.every(({ macs }) => macs === undefined));
    taken([{ arm: batch!.groups }, { arm: without!.groups }]);
  });

  it('tell a machine that is being ended from one that runs', () => {
    const [batch] = [
      ...armBatches(
        [
          aService({ unikernel: 'a', connections: 'pass', ending: true }),
          aService({ unikernel: 'b', connections: 'pass', ending: false }),
          aService({ unikernel: 'c', connections: 'refuse', ending: true }),
        ],
        false,
      ),
    ];
    assert.deepEqual(
      batch!.groups.map(({ unikernels, connections }) => [...unikernels, connections]),
      [
        ['a', 'drain'],
        ['b', 'pass'],
        ['c', 'refuse'],
      ],
    );
    taken([{ arm: batch!.groups }]);
  });

  it('are taken whatever there is: the most services, the longest names, the most addresses and ports', () => {
    const settings: ArmedService[][] = [
      many(3 * MOST_SERVICES + 1, (index) => ({ addresses: [`10.1.${index >> 8}.${index & 255}`] })),
      many(1_000, (index) => ({ unikernel: `${index}${'"'.repeat(190)}` })),
      many(500, (index) => ({
        addresses: Array.from({ length: 64 }, (_, place) => `fd77:1111:2222:3333:4444:5555:${place + 1}:${index + 1}`),
      })),
      many(2_000, (index) => ({
        ports: Array.from({ length: 64 }, (_, place) => ({
          protocol: 'tcp',
          port: 10_000 + place * 700 + (index % 700),
        })),
      })),
    ];
    for (const services of settings) {
      const batches = [...armBatches(services, true)];
      const armed = taken(batches.map(({ groups }) => ({ arm: groups }))) as { arm: never }[];
      const names = armed.flatMap(({ arm }) => [...servicesIn(arm)].map(({ unikernel }) => unikernel));
      assert.deepEqual(names.sort(), services.map(({ unikernel }) => unikernel).sort());
    }
  });

  it('grow with the services, and not faster', () => {
    const sizes = [1_000, 10_000, 100_000].map((count) => {
      const orders = [...armBatches(many(count), false)];
      const bytes = orders.reduce((sum, { groups }) => sum + JSON.stringify(groups).length, 0);
      return { orders: orders.length, each: bytes / count };
    });
    assert.deepEqual(
      sizes.map(({ orders }) => orders),
      [1, 4, 40],
    );
    assert.ok(
      sizes.every(({ each }) => each < 30),
      JSON.stringify(sizes),
    );
  });
});

describe('orders to watch', () => {
  it('have all addresses with the same ports together', () => {
    const rules = { idle: 1, outgoing: true, conntrack: true, ignored: ['192.0.2.0/24'] };
    const services = [...many(2), aService({ addresses: ['10.0.0.3'], rules: { ...rules } })];
    const batches = [...watchBatches(services)];
    assert.deepEqual(batches, [
      {
        watch: [
          { addresses: ['10.1.0.0', '10.1.0.1'], ports: batches[0]!.watch[0]!.ports, outgoing: false },
          { addresses: ['10.0.0.3'], ports: batches[0]!.watch[0]!.ports, outgoing: true },
        ],
        ignored: ['192.0.2.0/24'],
        conntrack: true,
      },
    ]);
  });

  it('are taken whatever there is', () => {
    const addresses = (index: number): string[] =>
      Array.from({ length: 64 }, (_, place) => `fd77:1111:2222:3333:4444:5555:${place + 1}:${index + 1}`);
    for (const services of [many(6_000), many(500, (index) => ({ addresses: addresses(index) })), []]) {
      const orders = taken([...watchBatches(services)]) as { watch: { addresses: string[] }[] }[];
      const all = orders.flatMap(({ watch }) => watch.flatMap((each) => each.addresses));
      assert.deepEqual(
        all,
        services.flatMap((each) => each.addresses),
      );
    }
  });
});

describe('orders that say what may be armed', () => {
  it('are taken whatever there is', () => {
    const addresses = (index: number): string[] =>
      Array.from({ length: 64 }, (_, place) => `10.${index >> 8}.${index & 255}.${place}`);
    for (const services of [many(3 * MOST_LISTED), many(500, (index) => ({ addresses: addresses(index) })), []]) {
      const orders = taken([...addressBatches(services)].map((allow) => ({ allow }))) as { allow: string[] }[];
      assert.deepEqual(
        orders.flatMap(({ allow }) => allow),
        services.flatMap((each) => each.addresses),
      );
    }
  });
});
