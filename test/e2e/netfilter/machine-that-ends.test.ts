import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { aService } from '../../support/netfilter/a-service.js';
import {
  GUEST,
  RoutedNetwork,
  type Guest,
  type LabDoorman,
  type Place,
} from '../../support/netfilter/routed-network.js';

/** From the end of a machine until that is known: its client has sent again by then, and will only after as long again. */
const UNKNOWN = 1_000;

/** On a busy machine; what is lost comes again after more. */
const AT_ONCE = 400;

const CLIENTS: readonly (readonly [Place, string])[] = [
  ['host', GUEST.ipv4],
  ['routed', GUEST.ipv4],
  ['routed', GUEST.ipv6],
  ['bridge', GUEST.ipv4],
  ['bridge', GUEST.ipv6],
];

describe('packets of connections to a machine that ends', function () {
  this.timeout(60_000);
  let network: RoutedNetwork;
  let guest: Guest;
  let doorman: LabDoorman;

  before(async function () {
    network = await RoutedNetwork.create(this);
    guest = await network.startGuest();
  });
  after(() => network?.[Symbol.asyncDispose]());
  afterEach(async () => {
    await doorman.end();
    await guest.halt();
  });

  for (const rung of ['xt NFQUEUE', 'NFLOG']) {
    it(`pass while it runs${rung === 'NFLOG' ? '' : ', and are refused as soon as its end is known'}, by ${rung}`, async () => {
      doorman = await network.startDoorman({ rungs: [rung], bridges: ['br0'] });
      await guest.boot(0);
      const connections = await Promise.all(
        CLIENTS.map(async ([place, address]) => (await network.startClient(place)).hold(address)),
      );
      await doorman.order({ arm: [aService({ connections: 'pass', ending: true })] });
      for (let turn = 0; turn < 3; turn += 1) {
        for (const [index, connection] of connections.entries()) {
          const { error, took } = await connection.say();
          assert.equal(error, undefined, String(CLIENTS[index]));
          assert.ok(took < AT_ONCE, `${String(CLIENTS[index])}: ${took} ms`);
        }
      }
      await guest.suspend();
      // Copies of them are not made: they come again.
      if (rung === 'NFLOG') return;
      const reports = connections.map(async (connection) => {
        const { error } = await connection.say();
        return [error, performance.now()] as const;
      });
      await sleep(UNKNOWN);
      const known = performance.now();
      await doorman.order({ arm: [aService({ connections: 'refuse' })] });
      for (const [index, report] of reports.entries()) {
        const [error, at] = await report;
        assert.equal(error, 'ECONNRESET', String(CLIENTS[index]));
        assert.ok(at > known && at < known + AT_ONCE, `${String(CLIENTS[index])}: ${at - known} ms`);
      }
      assert.deepEqual(doorman.knocks, []);
    });
  }
});
