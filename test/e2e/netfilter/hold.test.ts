import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientReport } from '../../support/netfilter/client-program.js';
import {
  GUEST,
  LOOPBACK,
  PUBLISHED,
  RoutedNetwork,
  TCP_PORT,
  UDP_PORT,
  type Client,
  type Guest,
  type LabDoorman,
  type Place,
} from '../../support/netfilter/routed-network.js';
import { aService } from '../../support/netfilter/a-service.js';

/** A first packet that was lost comes again after a second. */
const RETRANSMITTED = 900;

interface Cell {
  readonly name: string;
  readonly place: Place;
  readonly target: { readonly ipv4: string; readonly ipv6: string };
  readonly isProcess: boolean;
  /** Whether the kernel hands packets of bridges to the rules for IP; it does by default. */
  readonly filtersBridges?: false;
}

const CELLS: readonly Cell[] = [
  { name: 'a process of the host, from the host itself', place: 'host', target: LOOPBACK, isProcess: true },
  { name: 'a process of the host, from elsewhere', place: 'routed', target: PUBLISHED, isProcess: true },
  { name: 'a guest, from the host', place: 'host', target: GUEST, isProcess: false },
  { name: 'a guest, through the host', place: 'routed', target: GUEST, isProcess: false },
  { name: 'a guest, from its own bridge', place: 'bridge', target: GUEST, isProcess: false },
  {
    ...{ name: 'a guest, from its own bridge without br_netfilter', place: 'bridge', target: GUEST },
    ...{ isProcess: false, filtersBridges: false },
  },
];

const isRefused = (error: string | undefined): boolean => error === 'ECONNREFUSED';

describe('the netfilter doorman', function () {
  this.timeout(60_000);
  let network: RoutedNetwork;

  before(async function () {
    network = await RoutedNetwork.create(this);
  });
  after(() => network[Symbol.asyncDispose]());

  // `nft queue` has no cells: it takes a kernel with CONFIG_NFT_QUEUE, and differs from `xt NFQUEUE` by one expression.
  for (const rung of ['xt NFQUEUE', 'NFLOG'] as const) {
    describe(`by ${rung}`, () => {
      let doorman: LabDoorman;
      let onKnock: (() => Promise<void>) | undefined;

      before(async () => {
        doorman = await network.startDoorman({ rungs: [rung], bridges: ['br0'] });
        doorman.onKnock(() => void onKnock?.());
      });
      after(() => doorman.end());
      afterEach(() => {
        onKnock = undefined;
      });

      for (const { name, place, target, isProcess, filtersBridges = true } of CELLS) {
        describe(`for ${name}`, () => {
          const service = aService({ addresses: [target.ipv4, target.ipv6] });
          let client: Client;
          let guest: Guest;

          const boot = async (): Promise<void> => {
            await guest.boot(50);
            await doorman.order({ probe: [service.addresses, TCP_PORT] });
            await doorman.order({ release: ['www', 'deliver'] });
          };

          before(async () => {
            await network.filterBridges(filtersBridges);
            client = await network.startClient(place);
            guest = await (isProcess ? network.startProcess() : network.startGuest());
          });
          after(async () => {
            client.process.kill('SIGKILL');
            guest.process.kill('SIGKILL');
            await network.filterBridges(true);
          });
          beforeEach(async () => {
            await doorman.order({ arm: [service], verdict: 'hold' });
            await guest.halt();
          });
          afterEach(() => doorman.order({ release: ['www', 'deliver'] }));

          if (place === 'routed' && !isProcess) {
            it('delivers all that a client sends that connects every 5 ms through a boot of 2 s', async () => {
              let ready = Infinity;
              onKnock = async () => {
                await sleep(2_000);
                await boot();
                ready = Date.now();
              };
              const connecting: Promise<ClientReport>[] = [];
              while (ready === Infinity) {
                connecting.push(client.tcp(target.ipv4));
                await sleep(5);
              }
              const reports = await Promise.all(connecting);
              assert.deepEqual(
                reports.flatMap(({ error }) => error ?? []),
                [],
              );
              const latest = Math.max(...reports.map(({ at, took }) => at + took - ready));
              assert.ok(latest < RETRANSMITTED / 2, `${reports.length} connections, the last ${latest} ms late`);
            });
          }

          for (const family of ['ipv4', 'ipv6'] as const) {
            for (const protocol of ['tcp', 'udp'] as const) {
              it(`delivers the first packet of ${protocol} over ${family}, and lets the next pass`, async () => {
                onKnock = boot;
                const knocks = doorman.knocks.length;
                const { error, took } = await client[protocol](target[family]);
                assert.equal(error, undefined);
                assert.ok(took < RETRANSMITTED, `${took} ms`);
                const next = await client[protocol](target[family]);
                assert.equal(next.error, undefined);
                const port = protocol === 'tcp' ? TCP_PORT : UDP_PORT;
                assert.deepEqual(
                  doorman.knocks.slice(knocks).map(({ from: _from, ...knock }) => knock),
                  [{ unikernel: 'www', protocol, port }],
                );
              });

              it(`refuses ${protocol} over ${family} at once where it is told so`, async () => {
                await doorman.order({ verdict: 'refuse' });
                const { error, took } = await client[protocol](target[family]);
                assert.ok(isRefused(error), error);
                assert.ok(took < 500, `${took} ms`);
              });

              it(`refuses ${protocol} over ${family} when what was held has been in vain`, async () => {
                onKnock = async () => {
                  await new Promise((resolve) => setTimeout(resolve, 50));
                  await doorman.order({ release: ['www', 'refuse'] });
                };
                const { error, took } = await client[protocol](target[family]);
                assert.ok(isRefused(error), error);
                assert.ok(took < 600, `${took} ms`);
              });

              if (filtersBridges) continue;

              it(`delivers ${protocol} over ${family} that has been held for long`, async () => {
                onKnock = async () => {
                  await new Promise((resolve) => setTimeout(resolve, 3_200));
                  await boot();
                };
                const knocks = doorman.knocks.length;
                const { error, took } = await client[protocol](target[family]);
                assert.equal(error, undefined);
                // Not by what TCP sends again, the next time 7 s after the first.
                assert.ok(took < 3_250 + RETRANSMITTED, `${took} ms`);
                assert.equal(doorman.knocks.length, knocks + 1);
              });
            }
          }
        });
      }
    });
  }
});
