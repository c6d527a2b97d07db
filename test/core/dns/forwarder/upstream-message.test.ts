import assert from 'node:assert/strict';
import packet from 'dns-packet';
import { RandomSource } from '#core/dns/forwarder/random-source.js';
import { replyKind, upstreamQuery } from '#core/dns/forwarder/upstream-message.js';
import { decodeReply } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';

describe('the query that an upstream gets', () => {
  const RD = packet.RECURSION_DESIRED;

  it('has the question, and RD, AD and CD as the client set them', () => {
    for (const flags of [0, RD, packet.AUTHENTIC_DATA, packet.CHECKING_DISABLED | RD]) {
      const decoded = decodeReply(Buffer.from(upstreamQuery(aQuery('MiXed.test', { id: 7, flags }), true)));
      assert.deepEqual(decoded.questions, [{ name: 'MiXed.test', type: 'A', class: 'IN' }]);
      assert.deepEqual(
        [decoded.id, decoded.flag_rd, decoded.flag_ad, decoded.flag_cd],
        [0, ...[RD, packet.AUTHENTIC_DATA, packet.CHECKING_DISABLED].map((flag) => (flags & flag) !== 0)],
      );
    }
  });

  it('has an OPT record of our own with DO as the client set it, or none', () => {
    const [plain, dnssec] = [{}, { edns: { payloadSize: 4096, dnssecOk: true } }].map((options) => {
      const [opt, ...others] =
        decodeReply(Buffer.from(upstreamQuery(aQuery('a.test', options), true))).additionals ?? [];
      assert.deepEqual(others, []);
      return opt?.type === 'OPT' && [opt.udpPayloadSize, opt.extendedRcode, opt.flag_do, opt.options];
    });
    assert.deepEqual(
      [plain, dnssec],
      [
        [1232, 0, false, []],
        [1232, 0, true, []],
      ],
    );
    const query = aQuery('a.test', { edns: {} });
    const without = upstreamQuery(query, false);
    assert.deepEqual(decodeReply(Buffer.from(without)).additionals, []);
    assert.equal(without.length, 12 + 8 + 4);
  });

  it('has letters in a random case where that is wanted, and all else as it was', () => {
    const label = 'abcxyz@[`{-0'.repeat(5);
    const query = aQuery(`${label}.${label}.test`);
    const start = 12;
    const length = 2 * 61 + 5 + 1;
    const random = new RandomSource();
    const seen = Array.from({ length: 60 }, () => upstreamQuery(query, true, random));
    const plain = upstreamQuery(query, true);
    for (let index = 0; index < plain.length; index++) {
      const isLetter = index >= start && index < start + length && /[a-z]/.test(String.fromCharCode(plain[index] ?? 0));
      const values = new Set(seen.map((message) => message[index] as number));
      // Of 60 messages, a letter has one case in all of them once in 2 ** 59.
      const expected = isLetter ? [plain[index] as number, (plain[index] as number) - 32] : [plain[index] as number];
      assert.deepEqual(
        values,
        new Set([...values].length === 1 ? [plain[index] as number] : expected),
        `byte ${index}`,
      );
      assert.equal(values.size, expected.length, `byte ${index}`);
    }
  });
});

describe('the type and the class in it', () => {
  it('keep bytes that could be letters', () => {
    const query = aQuery('a.test');
    const message = Uint8Array.from(query.message);
    const typeAt = 12 + 8;
    message.set([0x61, 0x62, 0x63, 0x64], typeAt);
    const random = new RandomSource();
    for (let round = 0; round < 20; round++) {
      const sent = upstreamQuery({ ...query, message }, false, random);
      assert.deepEqual([...sent.subarray(typeAt, typeAt + 4)], [0x61, 0x62, 0x63, 0x64]);
    }
  });
});

describe('a message from an upstream', () => {
  const query = upstreamQuery(aQuery('aB-0@.test'), false);
  const kindOf = (change: (reply: Buffer) => unknown): string => {
    const reply = Buffer.concat([query, Buffer.alloc(16)]);
    reply[2] = 0x81;
    const changed = change(reply);
    return replyKind(query, changed instanceof Buffer ? changed : reply);
  };

  it('is a reply to the query if it is a response to its very question', () => {
    assert.equal(
      kindOf(() => {}),
      'reply',
    );
    assert.equal(
      kindOf((reply) => reply.subarray(0, query.length)),
      'reply',
    );
  });

  it('is one in another case if letters of the name differ by their case alone', () => {
    assert.equal(
      kindOf((reply) => (reply[13] = 0x41)),
      'other-case',
    );
    assert.equal(
      kindOf((reply) => (reply[14] = 0x62)),
      'other-case',
    );
  });

  const foreign: readonly (readonly [string, (reply: Buffer) => unknown])[] = [
    ['is a query', (reply) => (reply[2] = 0x01)],
    ['is of another opcode', (reply) => (reply[2] = 0x91)],
    ['has no question', (reply) => (reply[5] = 0)],
    ['has two', (reply) => (reply[5] = 2)],
    ['is cut off in its question', (reply) => reply.subarray(0, query.length - 1)],
    ['has another letter', (reply) => (reply[13] = 0x62)],
    ['has another sign, which differs by that bit', (reply) => (reply[17] = 0x60)],
    ['has another digit', (reply) => (reply[16] = 0x31)],
    ['has a label of another length', (reply) => (reply[12] = 0x25)],
    ['is of another type', (reply) => (reply[query.length - 3] = 2)],
    ['is of another class, which differs by that bit', (reply) => (reply[query.length - 1] = 0x21)],
    ['is of another type, which differs by that bit', (reply) => (reply[query.length - 4] = 0x20)],
  ];
  for (const [title, change] of foreign) it(`is foreign if it ${title}`, () => assert.equal(kindOf(change), 'foreign'));

  it('is compared letter by letter where type and class are letters, too', () => {
    // Type 97 is `a`: a reply about type 65 (HTTPS) is no answer to it.
    const other = Uint8Array.from(query);
    other[other.length - 3] = 0x61;
    const reply = Uint8Array.from(other);
    reply[2] = 0x81;
    reply[reply.length - 3] = 0x41;
    assert.equal(replyKind(other, reply), 'foreign');
  });
});
