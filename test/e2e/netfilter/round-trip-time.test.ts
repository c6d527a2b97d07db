import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { aService } from '../../support/netfilter/a-service.js';
import { GUEST, RoutedNetwork, type LabDoorman } from '../../support/netfilter/routed-network.js';

/** The first packet comes again after one second, and after three. */
const BOOT = 3_300;

/** What a client waits before it sends anything again where its first packet is delivered, in milliseconds: it is ten. */
const LONGEST = 3_000;

describe('a client whose first packet was held', function () {
  this.timeout(60_000);
  let network: RoutedNetwork;

  before(async function () {
    network = await RoutedNetwork.create(this);
  });
  after(() => network?.[Symbol.asyncDispose]());

  for (const [rung, places] of [
    // The kernel sends nothing again of this host that still waits in a queue of its own.
    ['xt NFQUEUE', ['routed', 'bridge']],
    ['NFLOG', ['host', 'routed', 'bridge']],
  ] as const) {
    it(`takes its last one for the way, not the boot, by ${rung}`, async () => {
      const guest = await network.startGuest();
      const doorman: LabDoorman = await network.startDoorman({ rungs: [rung], bridges: ['br0'] });
      try {
        await doorman.order({ arm: [aService()] });
        const clients = await Promise.all(places.map((place) => network.startClient(place)));
        const connections = clients.map((client) => client.hold());
        await eventually(() => assert.equal(doorman.knocks.length, places.length));
        await sleep(BOOT);
        await guest.boot(0);
        await doorman.order({ release: ['www', 'deliver'] });
        await Promise.all(connections);
        for (const place of places) {
          const sockets = await network
            .namespaceOf(place)
            .run('ss', '-tinH', 'state', 'established', 'dst', GUEST.ipv4);
          const [, timeout] = /\brto:(\d+)/.exec(sockets) ?? [];
          assert.ok(Number(timeout) < LONGEST, `${place}: ${sockets}`);
        }
      } finally {
        await doorman.end();
        await guest.halt();
        guest.process.kill('SIGKILL');
      }
    });
  }
});
