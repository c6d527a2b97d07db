import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrafficReading } from '#netfilter/netlink/traffic-reader.js';
import { hex, ROUTED, TestNetwork, type Place } from '../../../support/netfilter/test-network.js';

const TCP = 8080;
const UDP = 8053;
const OPENED = { instance: 1, ignored: ['10.78.0.66/32', 'fd78::66/128'], memory: 60_000, window: 20_000 };

describe('the traffic to services behind the netfilter table', function () {
  this.timeout(60_000);
  let network: TestNetwork;

  before(async function () {
    network = await TestNetwork.createRouted(this);
    for (const address of [ROUTED.guest, ROUTED.guest6]) {
      await network.do('guest', 'listen', 'tcp', address, TCP);
      await network.do('guest', 'listen', 'udp', address, UDP);
    }
    await network.do('host', 'listen', 'tcp', '127.0.0.5', TCP);
    await network.do('host', 'listen', 'udp', '127.0.0.5', UDP);
    await network.do('client', 'run', 'ip', 'addr', 'add', '10.78.0.66/24', 'dev', 'eth0');
  });
  after(async () => network?.[Symbol.asyncDispose]());
  beforeEach(async () => network.do('host', 'open', OPENED).then(() => undefined));
  afterEach(async () => network?.do('host', 'close'));

  function endpointsOf(address: string) {
    return [
      { address: hex(address), protocol: 'tcp', port: TCP },
      { address: hex(address), protocol: 'udp', port: UDP },
    ] as const;
  }

  async function watch(address: string, outgoing: readonly string[] = []): Promise<void> {
    await network.do('host', 'watch', [...endpointsOf(address)], outgoing.map(hex));
  }

  async function read(address: string, { idle = 60_000, outgoing = false } = {}): Promise<TrafficReading> {
    return (await network.do('host', 'traffic', { endpoints: endpointsOf(address), idle, outgoing })) as TrafficReading;
  }

  const NOTHING = { connections: 0, clients: [] };

  const cells = [
    { topology: 'loopback', from: 'host', address: '127.0.0.5', client: '127.0.0.1' },
    { topology: 'the host to a guest', from: 'host', address: ROUTED.guest, client: ROUTED.host },
    { topology: 'a routed client', from: 'client', address: ROUTED.guest, client: ROUTED.client },
    { topology: 'a routed client', from: 'client', address: ROUTED.guest6, client: ROUTED.client6 },
  ] as const satisfies readonly { topology: string; from: Place; address: string; client: string }[];

  for (const { topology, from, address, client } of cells) {
    describe(`${topology}, ${address}`, () => {
      it('is none before anybody has come', async () => {
        await watch(address);
        assert.deepEqual(await read(address), NOTHING);
      });

      it('is none for a connection without payload', async () => {
        await watch(address);
        const { number } = await network.do(from, 'connect', address, TCP);
        assert.deepEqual(await read(address), NOTHING);
        await network.do(from, 'hangUp', number);
      });

      it('is a connection from its first payload until it ends', async () => {
        await watch(address);
        const { number } = await network.do(from, 'connect', address, TCP);
        assert.equal(await network.do(from, 'say', number, 'hello'), 'hello');
        const { connections, age, clients } = await read(address);
        assert.deepEqual([connections, clients], [1, [hex(client)]]);
        assert.ok((age ?? Infinity) < 2_000, `${age} ms`);
        await network.do(from, 'hangUp', number);
        await sleep(100);
        const later = await read(address);
        assert.equal(later.connections, 0);
        assert.ok((later.age ?? 0) >= 100);
      });

      it('is none for a connection of which one byte comes, as keep-alives have it', async () => {
        await watch(address);
        const { number } = await network.do(from, 'connect', address, TCP);
        await network.do(from, 'say', number, 'x', 50);
        assert.deepEqual(await read(address), NOTHING);
        await network.do(from, 'hangUp', number);
      });

      it('does not count a connection whose last payload is older than it may be', async () => {
        await watch(address);
        const { number } = await network.do(from, 'connect', address, TCP);
        await network.do(from, 'say', number, 'hello');
        await sleep(150);
        assert.equal((await read(address, { idle: 100 })).connections, 0);
        assert.equal((await read(address)).connections, 1);
        await network.do(from, 'hangUp', number);
      });

      it('is what datagrams are that go in both directions', async () => {
        await watch(address);
        assert.deepEqual(await network.do(from, 'ask', address, UDP, ['hello']), ['hello']);
        const { connections, age } = await read(address);
        assert.equal(connections, 0);
        assert.ok((age ?? Infinity) < 2_000);
      });

      it('is none for datagrams that nobody answers', async () => {
        await watch(address);
        assert.deepEqual(await network.do(from, 'ask', address, UDP, ['silence'], 50), []);
        assert.deepEqual(await read(address), NOTHING);
      });

      it('is none for what is not watched, and none for another port', async () => {
        await network.do('host', 'watch', [{ address: hex(address), protocol: 'tcp', port: 1 }], []);
        const { number } = await network.do(from, 'connect', address, TCP);
        await network.do(from, 'say', number, 'hello');
        await network.do(from, 'hangUp', number);
        assert.deepEqual(await read(address), NOTHING);
      });
    });
  }

  it('is none for probes, by their user, nor for what answers them', async () => {
    await network.do('host', 'passUsers', [0]);
    for (const address of ['127.0.0.5', ROUTED.guest]) {
      await watch(address);
      const { number } = await network.do('host', 'connect', address, TCP);
      assert.equal(await network.do('host', 'say', number, 'GET / HTTP/1.1'), 'GET / HTTP/1.1');
      assert.deepEqual(await network.do('host', 'ask', address, UDP, ['hello']), ['hello']);
      await network.do('host', 'hangUp', number);
      assert.deepEqual(await read(address), NOTHING);
    }
  });

  it('is none for probes by their mark, which are not held either', async () => {
    await network.do('host', 'open', { ...OPENED, mark: 77 });
    for (const address of ['127.0.0.5', ROUTED.guest]) {
      await watch(address);
      await network.do('host', 'arm', [{ ...endpointsOf(address)[0], connections: 'refuse' }]);
      const number = await network.do('host', 'connectMarked', address, TCP, 77);
      assert.equal(await network.do('host', 'say', number, 'GET / HTTP/1.1'), 'GET / HTTP/1.1');
      await network.do('host', 'hangUp', number);
      await sleep(50);
      assert.deepEqual(await network.do('host', 'held'), []);
      assert.deepEqual(await read(address), NOTHING);
    }
  });

  it('is not known once there were more clients than its sets have room for', async () => {
    await network.do('host', 'open', { ...OPENED, room: 4 });
    await watch(ROUTED.guest);
    const numbers: number[] = [];
    for (let count = 0; count < 6; count++) {
      const { number } = await network.do('client', 'connect', ROUTED.guest, TCP);
      assert.equal(await network.do('client', 'say', number, 'hello'), 'hello');
      numbers.push(number);
      if (count < 3) assert.equal((await read(ROUTED.guest)).connections, count + 1);
    }
    await assert.rejects(read(ROUTED.guest), { code: 'ENOSPC' });
    for (const number of numbers) await network.do('client', 'hangUp', number);
  });

  it('has nothing of what a firewall drops', async () => {
    await watch(ROUTED.guest);
    const { number } = await network.do('client', 'connect', ROUTED.guest, TCP);
    assert.equal(await network.do('client', 'say', number, 'hello'), 'hello');
    await network.do('host', 'dropForwarded');
    try {
      await sleep(50);
      assert.equal(await network.do('client', 'say', number, 'again', 300), '');
      assert.ok(((await read(ROUTED.guest)).age ?? 0) >= 300);
    } finally {
      await network.do('host', 'dropNoMore');
      await network.do('client', 'hangUp', number);
    }
  });

  it('is that of each of two services that speak from their own ports', async () => {
    const [asker, answerer] = [hex(ROUTED.client), hex(ROUTED.guest)];
    const endpoints = [asker, answerer].map((address) => ({ address, protocol: 'udp', port: UDP }) as const);
    await network.do('host', 'watch', endpoints, []);
    assert.deepEqual(await network.do('client', 'ask', ROUTED.guest, UDP, ['hello'], 2_000, UDP), ['hello']);
    assert.ok(((await read(ROUTED.guest)).age ?? Infinity) < 2_000);
  });

  it('is that at an address which the host has got since, as well', async () => {
    const address = '10.78.0.7';
    await watch(address);
    await network.ip(`addr add ${address}/32 dev lo`);
    try {
      await network.do('host', 'listen', 'tcp', address, TCP);
      for (const place of ['client', 'host'] as const) {
        const { number } = await network.do(place, 'connect', address, TCP);
        // What the service answers would be seen by another rule.
        assert.equal(await network.do(place, 'say', number, 'silence', 50), '');
        assert.equal((await read(address)).connections, 1, place);
        // From when it is armed, it is watched where its ports may be published.
        await network.do('host', 'arm', [{ ...endpointsOf(address)[0], connections: 'pass' }]);
        await sleep(100);
        assert.equal(await network.do(place, 'say', number, 'silence', 50), '');
        const { age, connections } = await read(address);
        assert.ok((age ?? Infinity) < 100, `${age} ms`);
        assert.equal(connections, 1, place);
        await network.do('host', 'disarm', [endpointsOf(address)[0]]);
        await network.do(place, 'hangUp', number);
        await sleep(50);
      }
    } finally {
      await network.ip(`addr del ${address}/32 dev lo`);
    }
  });

  it('is none for clients of ignored networks', async () => {
    await watch(ROUTED.guest);
    const parameters = [`${ROUTED.guest}/32`, 'via', '10.78.0.1', 'src', '10.78.0.66'];
    await network.do('client', 'run', 'ip', 'route', 'add', ...parameters);
    try {
      const { number } = await network.do('client', 'connect', ROUTED.guest, TCP);
      assert.equal(await network.do('client', 'say', number, 'hello'), 'hello');
      await network.do('client', 'ask', ROUTED.guest, UDP, ['hello']);
      await network.do('client', 'hangUp', number);
      assert.deepEqual(await read(ROUTED.guest), NOTHING);
    } finally {
      await network.do('client', 'run', 'ip', 'route', 'del', `${ROUTED.guest}/32`);
    }
  });

  it('has what a guest itself opens only where that is asked for', async () => {
    const server = await network.do('client', 'listen', 'tcp', ROUTED.client, 9_000);
    await watch(ROUTED.guest, [ROUTED.guest]);
    const { number } = await network.do('guest', 'connect', ROUTED.client, 9_000);
    assert.equal(await network.do('guest', 'say', number, 'hello'), 'hello');
    await network.do('guest', 'hangUp', number);
    await network.do('client', 'unlisten', server);
    assert.deepEqual(await read(ROUTED.guest), NOTHING);
    assert.ok(((await read(ROUTED.guest, { outgoing: true })).age ?? Infinity) < 2_000);
  });

  it('is seen when a service is armed as well', async () => {
    await watch(ROUTED.guest);
    const { number } = await network.do('client', 'connect', ROUTED.guest, TCP);
    await network.do('client', 'say', number, 'hello');
    await network.do('host', 'arm', [{ ...endpointsOf(ROUTED.guest)[0], connections: 'pass' }]);
    await sleep(100);
    assert.equal(await network.do('client', 'say', number, 'again'), 'again');
    assert.ok(((await read(ROUTED.guest)).age ?? Infinity) < 100);
    await network.do('client', 'hangUp', number);
  });

  it('counts open connections from before the table where they are tracked', async () => {
    // It goes on when the first table ends.
    await network.do('host', 'other', { instance: 2 }, [], true);
    const { number } = await network.do('client', 'connect', ROUTED.guest, TCP);
    await network.do('client', 'say', number, 'hello');
    try {
      await network.do('host', 'open', OPENED);
      await watch(ROUTED.guest);
      const { connections, clients } = await read(ROUTED.guest);
      assert.deepEqual([connections, clients], [1, [hex(ROUTED.client)]]);
      const endpoints = endpointsOf(ROUTED.guest);
      const others = endpoints.map((endpoint) => ({ ...endpoint, port: endpoint.port + 1 }));
      assert.equal(await network.do('host', 'forget', others), 0, 'what is at other ports of the address');
      assert.equal(await network.do('host', 'forget', endpoints), 1);
      // It is known of the table by then, until the connection ends.
      assert.equal(await network.do('client', 'say', number, 'again'), 'again');
      assert.equal((await read(ROUTED.guest)).connections, 1);
      await network.do('client', 'hangUp', number);
      await sleep(100);
      assert.equal((await read(ROUTED.guest)).connections, 0);
    } finally {
      await network.do('host', 'closeOther');
    }
  });
});
