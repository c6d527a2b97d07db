import { describeActivitySource } from '@jitsud/core/testing';
import type { ServiceEndpoints } from '#core/contracts/service-endpoints.js';
import { CountedTraffic } from '#core/plugin-kit/counted-traffic.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import assert from 'node:assert/strict';

const ENDPOINTS: ServiceEndpoints = {
  ...{ unikernel: 'web', machine: 'id', addresses: ['192.0.2.7'], ports: [], macs: [] },
  rules: { idle: 900_000, outgoing: false, conntrack: false, ignored: [] },
};

let clock = new ManualClock();
let packets: number | Error;

const source = (): CountedTraffic =>
  new CountedTraffic(clock, 100, () =>
    typeof packets === 'number' ? Promise.resolve(packets) : Promise.reject(packets),
  );

describeActivitySource('the counted packets of a machine', {
  setUp: () => {
    clock = new ManualClock();
    packets = 7;
  },
  source,
  seen: () => ENDPOINTS,
  unseen: () => ({ ...ENDPOINTS, machine: '' }),
  now: () => clock.now(),
  send: async () => {
    packets = Number(packets) + 100;
    await clock.advance(60_000);
  },
  breakDown: () => void (packets = new Error('it does not answer')),
});

describe('the counted packets of a machine', () => {
  const never = new AbortController().signal;
  let counted: CountedTraffic;
  const last = async (): Promise<number | undefined> => (await counted.observe(ENDPOINTS, never)).lastPacket;

  const count = (more: number): void => void (packets = Number(packets) + more);

  beforeEach(() => {
    clock = new ManualClock();
    packets = 1_000;
    counted = source();
  });

  it('are use for a minute when they are counted first, and then from the threshold on', async () => {
    const begin = clock.now();
    assert.equal(await last(), begin);
    count(1_000);
    await clock.advance(59_999);
    // Too short to tell.
    assert.equal(await last(), begin);
    await clock.advance(1);
    assert.equal(await last(), begin + 60_000);
    assert.equal(await last(), begin + 60_000);
    count(99);
    await clock.advance(60_000);
    assert.equal(await last(), begin + 60_000);
    count(150);
    await clock.advance(90_000);
    const { lastPacket, detail } = await counted.observe(ENDPOINTS, never);
    assert.deepEqual([lastPacket, detail], [begin + 210_000, '100 packets a minute']);
  });

  it('are use when they may all have come in the last minute of a long time, and otherwise not', async () => {
    const begin = clock.now();
    await last();
    count(99);
    await clock.advance(3_600_000);
    // Not in any minute of it there were enough.
    assert.equal(await last(), begin);
    count(100);
    await clock.advance(120_001);
    assert.equal(await last(), clock.now());
  });

  it('are counted anew when the machine was started again, also with more of them than before', async () => {
    const at = async (domainId: number): Promise<number | undefined> =>
      (await counted.observe({ ...ENDPOINTS, domainId }, never)).lastPacket;
    assert.equal(await at(1), clock.now());
    await clock.advance(60_000);
    packets = 3;
    assert.equal(await at(1), clock.now());
    await clock.advance(60_000);
    count(1);
    assert.equal(await at(2), clock.now());
  });
});
