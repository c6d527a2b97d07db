import { hex, ROUTED, TestNetwork } from '../support/netfilter/test-network.js';
import { benchArming } from './arming-bench.js';
import { median } from './median.js';
import { printTable } from './table.js';

/** A service and a client that nobody has: packets to them end in the guest or the client, and nothing is answered. */
const SERVICE = '10.77.0.99';
const CLIENT = '10.78.0.99';
const PORT = 80;
const MANY = 100_000;

/** Many short rounds: what is compared meets the same machine. */
const ROUNDS = 25;
/** How many packets each setting gets in a round. */
const PACKETS = 8_000;

/** What the rules of the netfilter plugin cost: by packet, by address, by reading. All of it in namespaces of its own. */
export async function benchNetfilter(): Promise<void> {
  await using network = await TestNetwork.createRouted();
  for (const [place, address, device] of [
    ['guest', SERVICE, 'br0'],
    ['client', CLIENT, 'client'],
  ] as const) {
    const mac = (await network.do(place, 'run', 'cat', '/sys/class/net/eth0/address')).trim();
    await network.ip(`neigh add ${address} lladdr ${mac} dev ${device} nud permanent`);
  }
  await packetCosts(network);
  await addressCosts(network);
  await knockCosts(network);
  await benchArming();
}

async function packetCosts(network: TestNetwork): Promise<void> {
  const service = { address: hex(SERVICE), protocol: 'tcp', port: PORT } as const;
  const datagrams = { ...service, protocol: 'udp' } as const;
  const kinds = {
    'TCP, 64 bytes of payload': ['client', packet(CLIENT, SERVICE, 6, 64)],
    'TCP, no payload': ['client', packet(CLIENT, SERVICE, 6, 0)],
    'UDP, 64 bytes': ['client', packet(CLIENT, SERVICE, 17, 64)],
    'TCP from the service, 64 bytes': ['guest', packet(SERVICE, CLIENT, 6, 64)],
  } as const;
  const settings = {
    'no table': async () => undefined,
    'for others': async () => {
      await network.do('host', 'open', { instance: 1 });
    },
    watched: async () => {
      await network.do('host', 'open', { instance: 1 });
      await network.do('host', 'watch', [service, datagrams], []);
    },
    'watched, and a port of the host': async () => {
      await network.do('host', 'open', { instance: 1 });
      await network.do('host', 'watch', [service, datagrams, { ...service, address: hex('10.78.0.1') }], []);
    },
    'conntrack alone': async () => {
      await network.do('host', 'trackAlone');
    },
    'conntrack, for others': async () => {
      await network.do('host', 'trackAlone');
      await network.do('host', 'open', { instance: 1 });
    },
    'conntrack, watched': async () => {
      await network.do('host', 'trackAlone');
      await network.do('host', 'open', { instance: 1 });
      await network.do('host', 'watch', [service, datagrams], []);
    },
  };
  const costs = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [setting, prepare] of Object.entries(settings)) {
      await prepare();
      for (const [kind, [place, bytes]] of Object.entries(kinds)) {
        const key = `${setting} ${kind}`;
        costs.set(key, [...(costs.get(key) ?? []), await network.do(place, 'flood', bytes, PACKETS)]);
      }
      await network.do('host', 'close');
      await network.do('host', 'trackNoMore');
    }
  }
  const of = (setting: string, kind: string): readonly number[] => costs.get(`${setting} ${kind}`) ?? [];
  printTable(`A forwarded packet, processor time in µs; medians of ${ROUNDS} rounds of ${PACKETS} packets`, [
    ['', ...Object.keys(kinds)],
    ...Object.keys(settings).map((setting) => [
      setting,
      ...Object.keys(kinds).map((kind) => {
        const cost = median(of(setting, kind)).toFixed(2);
        const bare = setting.startsWith('conntrack') ? 'conntrack alone' : 'no table';
        if (setting === bare) return cost;
        const without = of(bare, kind);
        const more = median(of(setting, kind).map((each, round) => each - (without[round] ?? Number.NaN)));
        return `${cost} (+${more.toFixed(2)}, ${((more / median(without)) * 100).toFixed(0)} %)`;
      }),
    ]),
  ]);
}

async function addressCosts(network: TestNetwork): Promise<void> {
  const rows: { armed: number; one: number; disarmed: number; slab: number; read: number }[] = [];
  for (let round = 0; round < 5; round++) {
    await network.do('host', 'open', { instance: 1 });
    const costs = await network.do('host', 'armMany', MANY);
    rows.push({ ...costs, read: await network.do('host', 'readMany', MANY) });
    await network.do('host', 'close');
  }
  const of = (key: keyof (typeof rows)[number]): number => median(rows.map((row) => row[key]));
  printTable(`${MANY} armed addresses`, [
    ['', 'all armed, ms', 'one more and back, ms', 'all disarmed, ms', 'kernel, bytes each', 'read one, µs'],
    [
      '',
      of('armed').toFixed(0),
      of('one').toFixed(3),
      of('disarmed').toFixed(0),
      (of('slab') / MANY).toFixed(0),
      of('read').toFixed(0),
    ],
  ]);
}

async function knockCosts(network: TestNetwork): Promise<void> {
  await network.do('guest', 'listen', 'tcp', ROUTED.guest, PORT);
  const times: Record<string, number[]> = { 'not armed': [], 'held, and let go at once': [] };
  for (let round = 0; round < 100; round++) {
    for (const [setting, taken] of Object.entries(times)) {
      if (setting !== 'not armed') {
        await network.do('host', 'open', { instance: 1 });
        await network.do('host', 'deliverAtOnce');
        const endpoint = { address: hex(ROUTED.guest), protocol: 'tcp', port: PORT, connections: 'pass' } as const;
        await network.do('host', 'arm', [endpoint]);
      }
      const { number, took } = await network.do('client', 'connect', ROUTED.guest, PORT);
      taken.push(took);
      await network.do('client', 'hangUp', number);
      await network.do('host', 'close');
    }
  }
  printTable('A connection, in ms; medians of 100', [
    ['', ...Object.keys(times)],
    ['', ...Object.values(times).map((taken) => median(taken).toFixed(2))],
  ]);
}

/** A whole packet with ports and payload; its checksum is written by whoever sends it. */
function packet(from: string, to: string, protocol: 6 | 17, payload: number): string {
  const header = Buffer.alloc(20);
  const transport = Buffer.alloc(protocol === 6 ? 20 : 8);
  const [source, destination] = from === SERVICE ? [PORT, 40_000] : [40_000, PORT];
  transport.writeUInt16BE(source, 0);
  transport.writeUInt16BE(destination, 2);
  if (protocol === 6) transport.writeUInt16BE(0x5018, 12);
  else transport.writeUInt16BE(8 + payload, 4);
  header.writeUInt16BE(0x4500, 0);
  header.writeUInt16BE(20 + transport.length + payload, 2);
  header.writeUInt16BE(0x4006, 8);
  header[9] = protocol;
  Buffer.from(hex(from), 'hex').copy(header, 12);
  Buffer.from(hex(to), 'hex').copy(header, 16);
  return Buffer.concat([header, transport, Buffer.alloc(payload)]).toString('hex');
}
