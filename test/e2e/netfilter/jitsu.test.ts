import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { GUEST, RoutedNetwork, type Client } from '../../support/netfilter/routed-network.js';
import { within } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';

/** How often each service is stopped while a client connects all the time; `npm run chaos` has more. */
const CYCLES = Number(process.env['JITSU_TEST_CYCLES'] ?? 5);

/** Beyond the stop and the boot, in milliseconds: a first packet that was lost comes again after a second. */
const SLOW = 900;

const PLUGIN = fileURLToPath(new URL('../../support/netfilter/guest-plugin.js', import.meta.url));

describe('Jitsu with the netfilter doorman', function () {
  this.timeout(60_000 + CYCLES * 10_000);
  let network: RoutedNetwork;
  let jitsu: RunningJitsu;

  before(async function () {
    network = await RoutedNetwork.create(this);
  });
  after(() => network[Symbol.asyncDispose]());
  afterEach(() => jitsu[Symbol.asyncDispose]());

  /** Stops the unikernel again and again while a client connects every 5 ms. */
  const race = async (name: string, connect: () => ReturnType<Client['tcp']>): Promise<void> => {
    const all: ReturnType<Client['tcp']>[] = [];
    const timer = setInterval(() => all.push(connect()), 5);
    let longest = 0;
    try {
      for (let cycle = 0; cycle < CYCLES; cycle += 1) {
        await eventually(async () => assert.equal((await jitsu.status(name)).phase, 'ready'));
        await new Promise((resolve) => setTimeout(resolve, 60));
        const begin = performance.now();
        await jitsu.control.stop(name);
        await eventually(async () => assert.equal((await jitsu.status(name)).phase, 'ready'));
        longest = Math.max(longest, performance.now() - begin);
      }
    } finally {
      clearInterval(timer);
    }
    const reports = await Promise.all(all);
    assert.deepEqual(
      reports.filter(({ error }) => error !== undefined),
      [],
      `${reports.length} connections\n${jitsu.log}`,
    );
    const slowest = Math.max(...reports.map(({ took }) => took));
    assert.ok(slowest < longest + SLOW, `${slowest} ms, with ${longest} ms from a stop until it was ready again`);
  };

  it('wakes a process by a connection when it has given up root, and loses none while it is stopped again and again', async () => {
    jitsu = new RunningJitsu(
      [{ name: 'web', dns: 'web.test', ip: '127.0.0.80', habits: [], ready: 'tcp:8080' }],
      { doormen: { netfilter: {} } },
      within(network.host),
    );
    jitsu.letOthersWrite();
    await jitsu.start();
    assert.match(jitsu.log, /runs as /);
    const client = await network.startClient('host');
    const first = await client.tcp('127.0.0.80', { port: 8_080, page: true });
    assert.equal(first.error, undefined, jitsu.log);
    const history = await jitsu.control.history({ unikernel: 'web' });
    assert.ok(
      history.some((event) => JSON.stringify(event).includes('knock')),
      JSON.stringify(history),
    );
    await race('web', () => client.tcp('127.0.0.80', { port: 8_080, connects: true }));
  });

  for (const [from, place, filtersBridges] of [
    ['beyond the host', 'routed', true],
    ['its own bridge', 'bridge', true],
    ['its own bridge without br_netfilter', 'bridge', false],
  ] as const) {
    it(`wakes a guest by a connection from ${from}, and loses none`, async () => {
      await network.filterBridges(filtersBridges);
      const settings = { plugins: [PLUGIN], privileges: 'none', doormen: { netfilter: { bridges: ['br0'] } } };
      jitsu = new RunningJitsu([], settings, within(network.host));
      jitsu.configure([network.aGuest(jitsu.in())]);
      await jitsu.start();
      const client = await network.startClient(place);
      for (const ask of [() => client.tcp(GUEST.ipv4), () => client.udp(GUEST.ipv6)]) {
        const { error } = await ask();
        assert.equal(error, undefined, jitsu.log);
        await jitsu.control.stop('www');
      }
      await race('www', () => client.tcp(GUEST.ipv4, { connects: true }));
    });
  }

  it('stops no guest whose connection is in use, and one whose connection has been idle for long', async () => {
    const settings = {
      ...{ plugins: [PLUGIN], privileges: 'none', doormen: { netfilter: {} }, dns: { ttl: '1s' } },
      ...{ traffic: { idle: '3s' }, stop: { policies: ['connections', 'traffic:1s', 'ttl'] } },
    };
    jitsu = new RunningJitsu([], settings, within(network.host));
    jitsu.configure([network.aGuest(jitsu.in())]);
    await jitsu.start();
    const client = await network.startClient('routed');
    const open = await client.hold();
    for (let second = 0; second < 8; second += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const { error } = await open.say();
      assert.equal(error, undefined, jitsu.log);
    }
    assert.doesNotMatch(jitsu.log, /stopping/);
    await eventually(
      async () =>
        assert.equal((await jitsu.status('www')).phase, 'down', JSON.stringify(await jitsu.status('www')) + jitsu.log),
      20_000,
    );
  });
});
