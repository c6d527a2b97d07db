import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { GUEST, GUEST_MAC, RoutedNetwork, type Client } from '../../support/netfilter/routed-network.js';
import { within } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';

const PLUGIN = fileURLToPath(new URL('../../support/netfilter/guest-plugin.js', import.meta.url));
const OTHER_MAC = '02:00:00:00:01:80';

/** A first packet that was lost comes again after a second. */
const RETRANSMITTED = 900;

describe('a client that has kept what it knew of a guest that is stopped', function () {
  this.timeout(90_000);
  let network: RoutedNetwork;

  before(async function () {
    network = await RoutedNetwork.create(this);
  });
  after(() => network[Symbol.asyncDispose]());

  for (const place of ['host', 'routed', 'bridge'] as const) {
    for (const nextMac of place === 'bridge' ? [GUEST_MAC] : [GUEST_MAC, OTHER_MAC]) {
      const guest = nextMac === GUEST_MAC ? 'the guest with the same MAC' : 'a guest with another MAC';
      it(`reaches ${guest} by its first packet, from ${place === 'host' ? 'the host' : place === 'routed' ? 'beyond it' : 'its bridge'}`, async () => {
        const doormen = { netfilter: { bridges: ['br0'] } };
        await using jitsu = new RunningJitsu(
          [],
          { plugins: [PLUGIN], privileges: 'none', doormen },
          within(network.host),
        );
        jitsu.configure([network.aGuest(jitsu.in(), { nextMac })]);
        await network.guest.run('ip', 'link', 'set', 'eth0', 'address', GUEST_MAC);
        await jitsu.start();
        const client = await network.startClient(place);
        assert.equal((await client.tcp()).error, undefined, jitsu.log);
        const asks: readonly (() => ReturnType<Client['tcp']>)[] = [
          () => client.tcp(),
          () => client.udp(),
          () => client.tcp(GUEST.ipv6),
          () => client.udp(GUEST.ipv6),
        ];
        for (const ask of asks) {
          await jitsu.control.stop('www');
          await eventually(async () => assert.equal((await jitsu.status('www')).state, 'off'));
          await network.guest.run('ip', 'link', 'set', 'eth0', 'address', GUEST_MAC);
          for (const address of [GUEST.ipv4, GUEST.ipv6]) {
            const device = { host: 'br0', bridge: 'eth0', routed: undefined }[place];
            if (device === undefined) continue;
            const words = ['neighbour', 'replace', address, 'lladdr', GUEST_MAC, 'dev', device, 'nud', 'reachable'];
            await network.namespaceOf(place).run('ip', ...words);
          }
          const { error, took } = await ask();
          assert.equal(error, undefined, jitsu.log);
          assert.ok(took < RETRANSMITTED, `${took} ms\n${jitsu.log}`);
        }
        client.process.kill('SIGKILL');
        await jitsu.control.stop('www');
      });
    }
  }
});
