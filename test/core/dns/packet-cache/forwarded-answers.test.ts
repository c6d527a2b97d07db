import assert from 'node:assert/strict';
import packet, { type Packet } from 'dns-packet';
import { PacketCache } from '#core/dns/packet-cache/packet-cache.js';
import { relayMessage } from '#core/dns/wire/message-relay.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { askPacketCache } from '../../../support/ask-packet-cache.js';
import { anAdmission } from '../../../support/dns-admission.js';
import { decodeReply, extendedErrorIn, queryBytes, type QueryOptions } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';

const message = (parts: Partial<Packet> = {}): Uint8Array =>
  packet.encode({
    type: 'response',
    id: 1,
    flags: packet.RECURSION_DESIRED | packet.AUTHENTIC_DATA,
    questions: [{ name: 'www.test', type: 'A' }],
    answers: [
      { name: 'www.test', type: 'CNAME', ttl: 100, data: 'far.test' },
      { name: 'far.test', type: 'A', ttl: 3, data: '192.0.2.1' },
    ],
    authorities: [{ name: 'test', type: 'NS', ttl: 70_000, data: 'ns.test' }],
    ...parts,
  });

/** Whatever kind of array holds the bytes. */
const assertSame = (actual: Uint8Array | undefined, expected: Uint8Array | undefined): void =>
  assert.equal(Buffer.from(actual ?? []).toString('hex'), Buffer.from(expected ?? []).toString('hex'));

describe('an upstream’s answer in the packet cache', () => {
  const stage = () => {
    const clock = new ManualClock();
    const hot = new PacketCache(true, clock);
    const ask = (options: QueryOptions = {}): Uint8Array | undefined => {
      const reply = askPacketCache(hot, queryBytes('www.test', options), anAdmission());
      assert.notEqual(reply, 'silence');
      return reply as Uint8Array | undefined;
    };
    const keep = (reusableFor: number, reply = message(), options: QueryOptions = {}): unknown =>
      hot.keep(aQuery('www.test', options), { message: reply, reusableUntil: clock.now() + reusableFor });
    const ttls = (): (number | undefined)[] => {
      const { answers = [], authorities = [] } = decodeReply(ask());
      return [...answers, ...authorities].map((record) => ('ttl' in record ? record.ttl : undefined));
    };
    return { clock, hot, ask, keep, ttls };
  };

  it('is given until the time that is said, and not at it', async () => {
    const { clock, ask, keep } = stage();
    keep(10_000);
    await clock.advance(9_999);
    assert.ok(ask());
    await clock.advance(1);
    assert.equal(ask(), undefined);
  });

  it('counts its TTLs down by whole seconds, in every section and not below zero', async () => {
    const { clock, keep, ttls } = stage();
    keep(100_000);
    await clock.advance(999);
    assert.deepEqual(ttls(), [100, 3, 70_000]);
    await clock.advance(1);
    assert.deepEqual(ttls(), [99, 2, 69_999]);
    await clock.advance(4_000);
    assert.deepEqual(ttls(), [95, 0, 69_995]);
  });

  it('is as it would be passed on, with and without EDNS', () => {
    const { ask, keep } = stage();
    keep(10_000);
    for (const options of [{ id: 5 }, { id: 6, edns: {} }, { id: 7, edns: { payloadSize: 4_096 } }]) {
      assertSame(ask(options), relayMessage(aQuery('www.test', options), { message: message() }, true));
    }
  });

  it('keeps its Extended DNS Error for those with EDNS', () => {
    const { ask, keep } = stage();
    const data = Buffer.from([0, 3, ...Buffer.from('stale')]);
    const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [{ code: 15, data }] };
    const reply = message({ additionals: [opt as never] });
    keep(10_000, reply);
    assert.deepEqual(extendedErrorIn(decodeReply(ask({ edns: {} }))), { code: 3, text: 'stale' });
    for (const options of [{}, { edns: {} }]) {
      assertSame(ask(options), relayMessage(aQuery('www.test', options), { message: reply }, true));
    }
  });

  it('counts its TTLs down where options follow its records, and any TTL of 32 bits', async () => {
    const data = Buffer.from([0, 3, ...Buffer.from('stale')]);
    const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [{ code: 15, data }] };
    const { clock, ask, keep } = stage();
    for (const ttl of [100, 0x7654_3210, 0xfedc_ba98]) {
      const reply = (seconds: number): Uint8Array =>
        message({
          answers: [{ name: 'www.test', type: 'A', ttl: seconds, data: '192.0.2.1' }],
          authorities: [],
          additionals: [opt as never],
        });
      keep(100_000, reply(ttl));
      await clock.advance(2_000);
      for (const options of [{}, { edns: {} }]) {
        assertSame(ask(options), relayMessage(aQuery('www.test', options), { message: reply(ttl - 2) }, true));
      }
    }
  });

  it('is not kept where it is malformed or answers another question', () => {
    const { ask, keep } = stage();
    keep(10_000, message().subarray(0, -1));
    keep(10_000, message({ questions: [{ name: 'other.test', type: 'A' }] }));
    assert.equal(ask(), undefined);
  });

  it('counts down one TTL like many, wherever in the message it is, and changes nothing else', async () => {
    for (const count of [1, 2, 30]) {
      const { clock, keep, ask } = stage();
      const ttl = (seconds: number): Uint8Array =>
        message({
          authorities: [],
          answers: Array.from({ length: count }, (_, index) => ({
            ...{ name: 'www.test', type: 'A', ttl: seconds },
            data: `192.0.2.${index}`,
          })),
        });
      keep(100_000, ttl(70_000));
      await clock.advance(300_000);
      assert.equal(ask(), undefined);
      keep(1_000_000, ttl(70_000));
      await clock.advance(300_000);
      assertSame(ask({ edns: {} }), relayMessage(aQuery('www.test', { edns: {} }), { message: ttl(69_700) }, true));
    }
  });
});
