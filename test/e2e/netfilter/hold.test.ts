import assert from 'node:assert/strict';
import type { ArmedService } from '@jitsud/core/plugin';
import {
  GUEST,
  GUEST_MAC,
  RoutedNetwork,
  TCP_PORT,
  UDP_PORT,
  type Client,
  type Guest,
  type LabDoorman,
  type Place,
} from '../../support/netfilter/routed-network.js';

/** A first packet that was lost comes again after a second. */
const RETRANSMITTED = 900;

const www: ArmedService = {
  unikernel: 'www',
  machine: 'www',
  addresses: [GUEST.ipv4, GUEST.ipv6],
  ports: [
    { protocol: 'tcp', port: TCP_PORT },
    { protocol: 'udp', port: UDP_PORT },
  ],
  macs: [GUEST_MAC],
  rules: { idle: 900_000, outgoing: false, conntrack: false, ignored: [] },
  connections: 'refuse',
};

describe('the netfilter doorman', function () {
  this.timeout(60_000);
  let network: RoutedNetwork;

  before(async function () {
    network = await RoutedNetwork.create(this);
  });
  after(() => network[Symbol.asyncDispose]());

  for (const rung of ['xt NFQUEUE', 'NFLOG'] as const) {
    describe(`by ${rung}`, () => {
      let guest: Guest;
      let doorman: LabDoorman;

      before(async () => {
        guest = await network.startGuest();
        doorman = await network.startDoorman({ rungs: [rung], bridges: ['br0'] });
        doorman.onKnock(({ unikernel }) => {
          void (async () => {
            await guest.boot(50);
            await doorman.order({ probe: [www.addresses, TCP_PORT] });
            await doorman.order({ release: [unikernel, 'deliver'] });
          })();
        });
      });
      after(async () => {
        await doorman.order({ close: true });
        doorman.process.kill('SIGKILL');
        guest.process.kill('SIGKILL');
      });

      for (const place of ['host', 'routed', 'bridge'] as const) {
        describe(`for a client of the ${place}`, () => {
          let client: Client;

          before(async () => {
            client = await network.startClient(place satisfies Place);
          });

          for (const family of ['ipv4', 'ipv6'] as const) {
            for (const protocol of ['tcp', 'udp'] as const) {
              it(`delivers the first packet of ${protocol} over ${family}`, async () => {
                await guest.halt();
                await doorman.order({ arm: [www] });
                const knocks = doorman.knocks.length;
                const { error, took } = await client[protocol](GUEST[family]);
                console.log(rung, place, family, protocol, took);
                assert.equal(error, undefined);
                assert.ok(took < RETRANSMITTED, `${took} ms`);
                assert.equal(doorman.knocks.length, knocks + 1);
                const next = await client[protocol](GUEST[family]);
                assert.equal(next.error, undefined);
                assert.equal(doorman.knocks.length, knocks + 1);
              });
            }
          }
        });
      }
    });
  }
});
