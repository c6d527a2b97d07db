import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrafficReading } from '#netfilter/netlink/traffic-reader.js';
import type { Stopped } from '../../../support/netfilter/network-agent.js';
import { hex, ROUTED, TestNetwork } from '../../../support/netfilter/test-network.js';

const TCP = 8080;
const UDP = 8053;
const MAC = '020000000080';
const OPENED = {
  ...{ instance: 1, bridges: ['br0'], memory: 60_000, window: 20_000 },
  ignored: ['10.77.0.66/32', 'fd77::66/128'],
};
/** The packets that the table for bridges holds have numbers from here on. */
const OF_BRIDGES = 2 ** 32;
const NOTHING = { connections: 0, clients: [] };

const VERSIONS = [
  { version: 'IPv4', guest: ROUTED.guest, neighbour: ROUTED.neighbour, ignored: '10.77.0.66', host: ROUTED.host },
  { version: 'IPv6', guest: ROUTED.guest6, neighbour: ROUTED.neighbour6, ignored: 'fd77::66', host: 'fd77::1' },
] as const;

describe('the netfilter table of family bridge', function () {
  this.timeout(60_000);
  let network: TestNetwork;

  before(async function () {
    network = await TestNetwork.createRouted(this);
    await network.addNeighbour();
    await network.do('guest', 'run', 'ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:80');
    for (const { guest, ignored } of VERSIONS) {
      await network.do('guest', 'listen', 'tcp', guest, TCP);
      await network.do('guest', 'listen', 'udp', guest, UDP);
      // Taken only where that is asked for.
      const more = guest === ROUTED.guest6 ? ['nodad', 'preferred_lft', '0'] : [];
      await network.do('neighbour', 'run', 'ip', 'addr', 'add', ignored, 'dev', 'eth0', ...more);
    }
  });
  after(async () => network?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await network.filterBridges(false);
    await network.do('host', 'open', OPENED);
  });
  afterEach(async () => network?.do('host', 'close'));

  const endpointsOf = (address: string) =>
    [
      { address: hex(address), protocol: 'tcp', port: TCP },
      { address: hex(address), protocol: 'udp', port: UDP },
    ] as const;

  const stopped = (address: string, more: Partial<Stopped> = {}): Stopped => {
    return { ...endpointsOf(address)[0], connections: 'refuse', mac: MAC, ...more };
  };

  const read = async (address: string, { idle = 60_000, outgoing = false } = {}): Promise<TrafficReading> =>
    (await network.do('host', 'traffic', { endpoints: endpointsOf(address), idle, outgoing })) as TrafficReading;

  const watch = (address: string, outgoing: readonly string[] = []): Promise<void> =>
    network.do('host', 'watch', [...endpointsOf(address)], outgoing.map(hex));

  const heldBy = async (): Promise<string[]> =>
    (await network.do('host', 'held')).map(({ packet }) => (packet < OF_BRIDGES ? 'IP' : 'bridges'));

  const untilHeld = async (count: number): Promise<string[]> => {
    for (let looks = 0; looks < 400 && (await heldBy()).length < count; looks++) await sleep(5);
    return heldBy();
  };

  const talk = async (address: string): Promise<number> => {
    const { number, error } = await network.do('neighbour', 'connect', address, TCP);
    assert.equal(error, undefined);
    assert.equal(await network.do('neighbour', 'say', number, 'hello'), 'hello');
    return number;
  };

  for (const { version, guest, neighbour, ignored, host } of VERSIONS) {
    describe(`for ${version}`, () => {
      it('knows a connection from its first payload until it ends', async () => {
        await watch(guest);
        assert.deepEqual(await read(guest), NOTHING);
        const number = await talk(guest);
        const { connections, age = Infinity, clients } = await read(guest);
        assert.deepEqual([connections, clients], [1, [hex(neighbour)]]);
        assert.ok(age < 2_000, `${age} ms`);
        await network.do('neighbour', 'hangUp', number);
        await sleep(100);
        assert.equal((await read(guest)).connections, 0);
      });

      it('counts no keep-alive, and no connection that has been idle for longer than it may', async () => {
        await watch(guest);
        const { number } = await network.do('neighbour', 'connect', guest, TCP);
        await network.do('neighbour', 'say', number, 'x', 50);
        assert.deepEqual(await read(guest), NOTHING);
        assert.equal(await network.do('neighbour', 'say', number, 'hello'), 'hello');
        await sleep(150);
        assert.equal((await read(guest, { idle: 100 })).connections, 0);
        await network.do('neighbour', 'hangUp', number);
      });

      it('counts datagrams that are answered, and no others', async () => {
        await watch(guest);
        assert.deepEqual(await network.do('neighbour', 'ask', guest, UDP, ['silence'], 50), []);
        assert.deepEqual(await read(guest), NOTHING);
        assert.deepEqual(await network.do('neighbour', 'ask', guest, UDP, ['hello']), ['hello']);
        assert.ok(((await read(guest)).age ?? Infinity) < 2_000);
      });

      it('counts no clients of ignored networks', async () => {
        await watch(guest);
        const route = ['route', 'replace', guest, 'dev', 'eth0', 'src', ignored];
        await network.do('neighbour', 'run', 'ip', ...route);
        try {
          const number = await talk(guest);
          await network.do('neighbour', 'hangUp', number);
          assert.deepEqual(await read(guest), NOTHING);
        } finally {
          await network.do('neighbour', 'run', 'ip', 'route', 'del', guest, 'dev', 'eth0');
        }
      });

      it('counts what a guest itself opens only where that is asked for', async () => {
        const server = await network.do('neighbour', 'listen', 'tcp', neighbour, 9_000);
        await watch(guest, [guest]);
        const { number } = await network.do('guest', 'connect', neighbour, 9_000);
        await network.do('guest', 'hangUp', number);
        await network.do('neighbour', 'unlisten', server);
        assert.deepEqual(await read(guest), NOTHING);
        assert.ok(((await read(guest, { outgoing: true })).age ?? Infinity) < 2_000);
      });

      it('sees what the rules for IP do not see, and nothing else', async () => {
        await watch(guest);
        const [service] = endpointsOf(guest);
        for (const [filters, seen] of [
          [false, ['BRIDGE']],
          [true, ['INET']],
        ] as const) {
          await network.filterBridges(filters);
          await network.do('host', 'open', OPENED);
          await watch(guest);
          await network.do('neighbour', 'hangUp', await talk(guest));
          assert.deepEqual(await network.do('host', 'seenBy', 1, service), seen);
        }
      });

      it('holds what the rules for IP do not hold, and nothing else', async () => {
        for (const [filters, by] of [
          [false, 'bridges'],
          [true, 'IP'],
        ] as const) {
          await network.filterBridges(filters);
          await network.do('host', 'open', OPENED);
          await network.do('host', 'arm', [stopped(guest)]);
          const connecting = network.do('neighbour', 'connect', guest, TCP);
          assert.deepEqual(await untilHeld(1), [by]);
          await network.do('host', 'disarm', [stopped(guest)]);
          await network.do('host', 'end', 'deliver');
          const { error, took, number } = await connecting;
          assert.equal(error, undefined);
          assert.ok(took < 900, `${took} ms`);
          assert.equal(await network.do('neighbour', 'say', number, 'hello'), 'hello');
          await network.do('neighbour', 'hangUp', number);
          assert.deepEqual(await heldBy(), []);
        }
      });

      it('holds on when br_netfilter is turned on or off meanwhile', async () => {
        for (const [before, after] of [
          [false, true],
          [true, false],
        ] as const) {
          await network.filterBridges(before);
          await network.do('host', 'open', OPENED);
          await network.do('host', 'arm', [stopped(guest)]);
          const first = network.do('neighbour', 'connect', guest, TCP);
          assert.deepEqual(await untilHeld(1), [before ? 'IP' : 'bridges']);
          await network.filterBridges(after);
          const second = network.do('neighbour', 'connect', guest, TCP);
          assert.deepEqual((await untilHeld(2)).slice(1), [after ? 'IP' : 'bridges']);
          await network.do('host', 'disarm', [stopped(guest)]);
          await network.do('host', 'end', 'deliver');
          for (const { error, took, number } of await Promise.all([first, second])) {
            assert.equal(error, undefined);
            assert.ok(took < 1_800, `${took} ms`);
            await network.do('neighbour', 'hangUp', number);
          }
        }
      });

      it('refuses a segment of a connection that has ended, and lets it pass while its machine runs', async () => {
        const number = await talk(guest);
        await network.do('host', 'arm', [stopped(guest, { connections: 'pass' })]);
        assert.equal(await network.do('neighbour', 'say', number, 'again'), 'again');
        await network.do('host', 'arm', [stopped(guest)]);
        const saying = network.do('neighbour', 'say', number, 'once more', 5_000);
        assert.deepEqual(await untilHeld(1), ['bridges']);
        await network.do('host', 'end', 'refuse');
        assert.equal(await saying, 'ECONNRESET');
      });

      it('holds nothing for another MAC, nor what this host is to route, and takes the MAC that is told last', async () => {
        await network.do('host', 'arm', [stopped(guest, { mac: '020000000081' })]);
        const reached = await network.do('neighbour', 'connect', guest, TCP);
        assert.equal(reached.error, undefined);
        await network.do('neighbour', 'hangUp', reached.number);
        // What that one still has to say is not held.
        await network.do('host', 'arm', [stopped(guest, { connections: 'pass' })]);
        const connecting = network.do('neighbour', 'connect', guest, TCP);
        assert.deepEqual(await untilHeld(1), ['bridges']);
        await network.do('host', 'disarm', [stopped(guest)]);
        await network.do('host', 'end', 'refuse');
        assert.equal((await connecting).error, 'ECONNREFUSED');
        const client = version === 'IPv4' ? ROUTED.client : ROUTED.client6;
        await network.do('host', 'arm', [stopped(client)]);
        const routed = network.do('neighbour', 'connect', client, TCP);
        assert.deepEqual(await untilHeld(1), ['IP']);
        await network.do('host', 'end', 'refuse');
        assert.equal((await routed).error, 'ECONNREFUSED');
      });

      it('is all of 200 clients that come at once', async () => {
        await network.do('host', 'arm', [stopped(guest)]);
        const connecting = Array.from({ length: 200 }, () => network.do('neighbour', 'connect', guest, TCP));
        await untilHeld(200);
        await network.do('host', 'disarm', [stopped(guest)]);
        await network.do('host', 'end', 'deliver');
        await network.allArrive('neighbour', connecting);
      });

      it('has no part in what the host itself sends', async () => {
        await watch(guest);
        await network.do('host', 'arm', [stopped(guest)]);
        const connecting = network.do('host', 'connect', guest, TCP);
        assert.deepEqual(await untilHeld(1), ['IP']);
        await network.do('host', 'disarm', [stopped(guest)]);
        await network.do('host', 'end', 'deliver');
        const { number } = await connecting;
        assert.equal(await network.do('host', 'say', number, 'hello'), 'hello');
        await network.do('host', 'hangUp', number);
        assert.deepEqual(await network.do('host', 'seenBy', 1, endpointsOf(guest)[0]), ['INET']);
        assert.equal((await read(guest)).clients.includes(hex(host)), false);
      });
    });
  }

  it('says when br_netfilter is turned on or off, and that it does not know what was sent meanwhile', async () => {
    await network.filterBridges(true);
    await network.do('host', 'open', OPENED);
    await watch(ROUTED.guest);
    await network.filterBridges(false);
    await assert.rejects(read(ROUTED.guest, { idle: 1_000 }), { code: 'ESTALE', message: /br_netfilter/ });
    assert.deepEqual(
      (await network.do('host', 'warnings')).map((warning) => /nothing.*\((IPv.)\)/.exec(warning)?.[1]),
      ['IPv4', 'IPv6'],
    );
    await sleep(1_010);
    const number = await talk(ROUTED.guest);
    assert.equal((await read(ROUTED.guest, { idle: 1_000 })).connections, 1);
    await network.filterBridges(true);
    // What one table has seen before is not forgotten, and seen by both it is one connection.
    assert.equal(await network.do('neighbour', 'say', number, 'again'), 'again');
    assert.equal((await read(ROUTED.guest, { idle: 1_000 })).connections, 1);
    assert.equal((await network.do('host', 'warnings')).length, 4);
    await network.do('neighbour', 'hangUp', number);
  });

  it('says where it cannot be made, and leaves all to the rules for IP', async () => {
    await network.do('host', 'close');
    await network.do('host', 'takeBridgeTable', 1);
    try {
      await network.filterBridges(true);
      await network.do('host', 'open', OPENED);
      assert.match(
        (await network.do('host', 'warnings')).join(),
        /only where br_netfilter is on.*(EEXIST|EPERM|EBUSY)/,
      );
      await network.do('host', 'arm', [stopped(ROUTED.guest)]);
      const connecting = network.do('neighbour', 'connect', ROUTED.guest, TCP);
      assert.deepEqual(await untilHeld(1), ['IP']);
      await network.do('host', 'end', 'refuse');
      assert.equal((await connecting).error, 'ECONNREFUSED');
    } finally {
      await network.do('host', 'trackNoMore');
    }
  });

  it('finds the bridge of a port where the kernel does not tell it', async () => {
    assert.equal(await network.do('host', 'isOnBridge', 'neighbour'), true);
    assert.equal(await network.do('host', 'isOnBridge', 'client'), false);
  });
});
