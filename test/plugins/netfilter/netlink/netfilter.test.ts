import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { RUNGS, type Rung } from '#netfilter/netlink/netfilter.js';
import { hex, ROUTED, TestNetwork, type Place } from '../../../support/netfilter/test-network.js';

const PORT = 8080;

describe('the netfilter table, by each rung that this kernel has', function () {
  this.timeout(60_000);
  let network: TestNetwork;
  const rungs: Rung[] = [];

  before(async function () {
    network = await TestNetwork.createRouted(this);
    for (const rung of RUNGS) {
      const opened = await network.do('host', 'open', { instance: 1, rungs: [rung] }).catch(() => undefined);
      if (opened !== undefined) rungs.push(rung);
      await network.do('host', 'close');
    }
  });
  after(async () => network?.[Symbol.asyncDispose]());
  afterEach(async () => network?.do('host', 'close'));

  it('has one at least', () => {
    assert.notDeepEqual(rungs, []);
  });

  /** Runs a check by each of them. */
  async function eachRung(check: (rung: Rung) => Promise<void>): Promise<void> {
    for (const rung of rungs) {
      await network.do('host', 'open', { instance: 1, rungs: [rung] });
      try {
        await check(rung);
      } catch (error) {
        throw new Error(`${rung}: ${String(error)}`, { cause: error });
      }
    }
  }

  async function untilHeld(least = 1): Promise<void> {
    for (let looks = 0; looks < 400; looks++) {
      if (((await network.do('host', 'held')) as unknown[]).length >= least) return;
      await sleep(5);
    }
    throw new Error('nothing is held');
  }

  const cells = [
    { topology: 'loopback', from: 'host', at: 'host', addresses: ['127.0.0.5', '::1'] },
    { topology: 'the host to a guest', from: 'host', at: 'guest', addresses: [ROUTED.guest, ROUTED.guest6] },
    { topology: 'a routed client', from: 'client', at: 'guest', addresses: [ROUTED.guest, ROUTED.guest6] },
    { topology: 'a published port', from: 'client', at: 'host', addresses: ['10.78.0.1', 'fd78::1'] },
  ] as const satisfies readonly { topology: string; from: Place; at: Place; addresses: readonly string[] }[];

  for (const { topology, from, at, addresses } of cells) {
    for (const address of addresses) {
      it(`${topology}: holds the first packet of TCP to ${address}, and lets it go on`, () =>
        eachRung(async () => {
          const endpoint = { address: hex(address), protocol: 'tcp', port: PORT } as const;
          await network.do('host', 'arm', [{ ...endpoint, connections: 'refuse' }]);
          const connecting = network.do(from, 'connect', address, PORT);
          await untilHeld();
          const server = await network.do(at, 'listen', 'tcp', address, PORT);
          await network.do('host', 'disarm', [endpoint]);
          await network.do('host', 'end', 'deliver');
          const { number, took, error } = await connecting;
          assert.equal(error, undefined);
          assert.ok(took < 900, `it took ${took} ms, as a retransmission does`);
          assert.equal(await network.do(from, 'say', number, 'hello'), 'hello');
          await network.do(from, 'hangUp', number);
          await network.do(at, 'unlisten', server);
        }));

      it(`${topology}: holds the first datagrams to ${address}, and lets them go on in order`, () =>
        eachRung(async (rung) => {
          const endpoint = { address: hex(address), protocol: 'udp', port: PORT } as const;
          await network.do('host', 'arm', [{ ...endpoint, connections: 'refuse' }]);
          const asking = network.do(from, 'ask', address, PORT, ['1', '2', '3']);
          if (rung === 'NFLOG' && topology === 'the host to a guest') {
            // The kernel tells a sender on this host that its datagram was taken away.
            assert.deepEqual(await asking, []);
            return;
          }
          await untilHeld(3);
          const server = await network.do(at, 'listen', 'udp', address, PORT);
          await network.do('host', 'disarm', [endpoint]);
          await network.do('host', 'end', 'deliver');
          assert.deepEqual(await asking, ['1', '2', '3']);
          await network.do(at, 'unlisten', server);
        }));

      it(`${topology}: refuses what is held for ${address} as a closed port does`, () =>
        eachRung(async (rung) => {
          for (const protocol of ['tcp', 'udp'] as const) {
            const endpoint = { address: hex(address), protocol, port: PORT };
            await network.do('host', 'arm', [{ ...endpoint, connections: 'refuse' }]);
            if (protocol === 'tcp') {
              const connecting = network.do(from, 'connect', address, PORT);
              await untilHeld();
              await network.do('host', 'end', 'refuse');
              const { error, took } = await connecting;
              assert.equal(error, 'ECONNREFUSED');
              assert.ok(took < 900, `it took ${took} ms`);
            } else if (rung !== 'NFLOG' || topology !== 'the host to a guest') {
              const asking = network.do(from, 'ask', address, PORT, ['1']);
              await untilHeld();
              await network.do('host', 'end', 'refuse');
              assert.deepEqual(await asking, ['ECONNREFUSED']);
            }
          }
        }));
    }
  }
});
