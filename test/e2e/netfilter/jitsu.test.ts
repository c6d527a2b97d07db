import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { GUEST, RoutedNetwork } from '../../support/netfilter/routed-network.js';
import { within } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';

const PLUGIN = fileURLToPath(new URL('../../support/netfilter/guest-plugin.js', import.meta.url));

describe('Jitsu with the netfilter doorman', function () {
  this.timeout(60_000);
  let network: RoutedNetwork;
  let jitsu: RunningJitsu;

  before(async function () {
    network = await RoutedNetwork.create(this);
  });
  after(() => network[Symbol.asyncDispose]());
  afterEach(() => jitsu[Symbol.asyncDispose]());

  it('wakes a process by a connection when it has given up root', async () => {
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
  });

  for (const [from, place, filtersBridges] of [
    ['beyond the host', 'routed', true],
    ['its own bridge', 'bridge', true],
    ['its own bridge without br_netfilter', 'bridge', false],
  ] as const) {
    it(`wakes a guest by a connection from ${from}`, async () => {
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
