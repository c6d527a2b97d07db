import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { GUEST, RoutedNetwork, type Client, type Place } from '../../support/netfilter/routed-network.js';
import { within } from '../../support/place.js';
import { RunningJitsu } from '../../support/running-jitsu.js';

const PLUGIN = fileURLToPath(new URL('../../support/netfilter/guest-plugin.js', import.meta.url));

/** The kernel of a client asks each second, and gives up what does not answer ten times. */
const GIVEN_UP = 13_000;

/** Long before anybody would give up; where nothing is refused, this takes a minute. */
const AT_ONCE = 900;

const PLACES: readonly (readonly [Place, string, string])[] = [
  ['host', 'from the host', GUEST.ipv4],
  ['routed', 'from beyond the host', GUEST.ipv4],
  ['routed', 'from beyond the host, by IPv6', GUEST.ipv6],
  ['bridge', "from the guest's bridge", GUEST.ipv4],
  ['bridge', "from the guest's bridge, by IPv6", GUEST.ipv6],
];

describe('a connection that a client keeps alive', function () {
  this.timeout(90_000);

  for (const rung of ['xt NFQUEUE', 'NFLOG']) {
    describe(`where packets are held by ${rung}`, () => {
      let network: RoutedNetwork;
      let jitsu: RunningJitsu;
      let clients: readonly (readonly [client: Client, where: string, address: string])[];

      before(async function () {
        network = await RoutedNetwork.create(this);
        const settings = { plugins: [PLUGIN], privileges: 'none', traffic: { idle: '1s' } };
        const doormen = { netfilter: { bridges: ['br0'], rungs: [rung] } };
        jitsu = new RunningJitsu([], { ...settings, doormen }, within(network.host));
        jitsu.configure([network.aGuest(jitsu.in(), { mode: 'suspend' })]);
        await jitsu.start();
        clients = await Promise.all(
          PLACES.map(async ([place, where, address]) => [await network.startClient(place), where, address] as const),
        );
      });
      after(async () => {
        await jitsu?.[Symbol.asyncDispose]();
        await network?.[Symbol.asyncDispose]();
      });

      const knocks = async (): Promise<readonly unknown[]> =>
        (await jitsu.control.history({ unikernel: 'www' })).flatMap(({ kind, cause }) =>
          kind === 'summoning' && cause?.kind === 'knock' ? cause : [],
        );

      it('does not wake a machine that is suspended, and outlives that; what is said on it does', async () => {
        const connections = await Promise.all(
          clients.map(
            async ([client, where, address]) => [where, await client.hold(address, { keepAlive: true })] as const,
          ),
        );
        const before = (await knocks()).length;
        await jitsu.control.stop('www');
        await sleep(GIVEN_UP);
        const { state, totalStarts } = await jitsu.status('www');
        assert.equal(state, 'suspended', JSON.stringify(await knocks()));
        assert.equal((await knocks()).length, before);
        const reports = await Promise.all(
          connections.map(async ([where, connection]) => [where, (await connection.say()).error]),
        );
        assert.deepEqual(
          reports,
          PLACES.map(([, where]) => [where, undefined]),
          jitsu.log,
        );
        assert.equal((await knocks()).length, before + 1);
        assert.equal((await jitsu.status('www')).totalStarts, totalStarts + 1);
      });

      it('is refused at once where its machine has been destroyed', async () => {
        const connections = await Promise.all(
          clients.map(async ([client, where, address]) => [where, await client.hold(address)] as const),
        );
        const before = (await knocks()).length;
        await jitsu.control.stop('www', 'destroy');
        await eventually(async () => assert.equal((await jitsu.status('www')).state, 'off'));
        for (const [where, connection] of connections) {
          const { error, took } = await connection.say();
          assert.equal(error, 'ECONNRESET', where);
          assert.ok(took < AT_ONCE, `${where}: ${took} ms`);
        }
        assert.equal((await knocks()).length, before);
      });
    });
  }
});
