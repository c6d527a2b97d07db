import assert from 'node:assert/strict';
import type { DnsAnswer } from '#core/contracts/resolver.js';
import { packetOf } from '#core/dns/packet-cache/cached-packet.js';
import { aQuery } from '../../../support/dns-query.js';
import { FakeLease } from '../../../support/fake-lease.js';

describe('the packet of an answer', () => {
  const query = aQuery('a.test', { edns: {} });
  const isMade = (answer: DnsAnswer): boolean => packetOf(query, answer, true, 0) !== undefined;

  /** An answer whose records can be read once for each that they are allowed to be. */
  const records = (count: number, read: () => void = () => undefined): DnsAnswer => ({
    rcode: 0,
    lease: new FakeLease(),
    answers: Array.from({ length: count }, () => ({
      ...{ type: 'A', ttl: 60, address: '192.0.2.1' },
      get name() {
        read();
        return 'a.test';
      },
    })) as never,
  });

  it('is not even encoded where it is too long for any slot', () => {
    let reads = 0;
    const read = (): void => void (reads += 1);
    assert.equal(isMade(records(1, read)), true);
    assert.ok(reads > 0);
    reads = 0;
    assert.equal(isMade(records(113, read)), false);
    assert.equal(reads, 0);
    // The shortest possible records of this number would find room: it is encoded to find out.
    isMade(records(112, read));
    assert.ok(reads > 0);
  });

  it('is made of no message that is longer than a slot', () => {
    // A question, and records of the root without data.
    const message = (length: number): Uint8Array => {
      const question = aQuery('a.test').message;
      const count = Math.floor((length - question.length) / 11);
      const record = Buffer.from([0, 255, 254, 0, 1, 0, 0, 0, 60, 0, 0]);
      const rest = length - question.length - 11 * count;
      const last = Buffer.concat([record.subarray(0, 10), Buffer.from([rest]), Buffer.alloc(rest)]);
      const bytes = Buffer.concat([question, ...Array.from({ length: count - 1 }, () => record), last]);
      bytes.writeUInt16BE(0x8180, 2);
      bytes.writeUInt16BE(count, 6);
      return bytes;
    };
    assert.equal(message(1_232).length, 1_232);
    assert.equal(isMade({ message: message(1_232), reusableUntil: 1_000 }), true);
    assert.equal(isMade({ message: message(1_233), reusableUntil: 1_000 }), false);
  });
});
