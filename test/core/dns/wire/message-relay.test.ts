import assert from 'node:assert/strict';
import packet, { type Packet } from 'dns-packet';
import fc from 'fast-check';
import { relayMessage } from '#core/dns/wire/message-relay.js';
import { decodeReply, extendedErrorIn } from '../../../support/dns-message.js';
import { aQuery, tcpClient } from '../../../support/dns-query.js';

const opt = (options: { code: number; data: Buffer }[] = []) => ({
  type: 'OPT',
  name: '.',
  udpPayloadSize: 512,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  options,
});
const upstreamReply = (name: string, parts: object = {}): Uint8Array =>
  packet.encode({
    type: 'response',
    id: 1,
    flags: packet.RECURSION_DESIRED | packet.AUTHENTIC_DATA,
    questions: [{ name, type: 'A', class: 'IN' }],
    ...parts,
  } as unknown as Packet);
const address = (name: string, data: string) => ({ type: 'A', name, ttl: 5, data });
/** A message whose answer names its owner by a pointer to the question, as real servers write it. */
const compressed = (name: string): Uint8Array => {
  const message = Buffer.concat([
    upstreamReply(name),
    Uint8Array.of(0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1),
  ]);
  message.writeUInt16BE(1, 6);
  return message;
};

describe('relaying a message', () => {
  it("gives it the asker's id, question, RD and CD, and our RA; AD and the rcode stay", () => {
    const query = aQuery('A.tEst', { id: 42, flags: packet.CHECKING_DISABLED });
    const bytes = relayMessage(query, { message: compressed('a.test') }, true);
    const decoded = decodeReply(bytes);
    assert.deepEqual(
      [decoded.id, decoded.flag_rd, decoded.flag_cd, decoded.flag_ra, decoded.flag_ad],
      [42, false, true, true, true],
    );
    assert.equal(decoded.questions?.[0]?.name, 'A.tEst');
    assert.equal(decoded.answers?.[0]?.name, 'A.tEst');
  });

  it('takes the OPT record out for an asker without EDNS, and puts one of ours in for one with it', () => {
    const message = upstreamReply('a.test', { answers: [address('a.test', '192.0.2.1')], additionals: [opt()] });
    assert.deepEqual(decodeReply(relayMessage(aQuery('a.test'), { message }, true)).additionals, []);
    const [own] =
      decodeReply(relayMessage(aQuery('a.test', { edns: { dnssecOk: true } }), { message }, true)).additionals ?? [];
    assert.ok(own?.type === 'OPT');
    assert.deepEqual([own.udpPayloadSize, own.flag_do], [1232, true]);
  });

  it('passes on an Extended DNS Error and no other option', () => {
    const options = [
      { code: 10, data: Buffer.from('cookie..') },
      { code: 15, data: Buffer.from([0, 6, 0x6e, 0x6f]) },
    ];
    const reply = decodeReply(
      relayMessage(
        aQuery('a.test', { edns: {} }),
        { message: upstreamReply('a.test', { additionals: [opt(options)] }) },
        true,
      ),
    );
    assert.deepEqual(extendedErrorIn(reply), { code: 6, text: 'no' });
    assert.equal((reply.additionals?.[0] as unknown as { options: unknown[] }).options.length, 1);
  });

  it('gives the Extended DNS Error of the answer, and before that of the message without its text', () => {
    const relayed = (options?: Parameters<typeof opt>[0]) => {
      const message = upstreamReply('a.test', { additionals: [opt(options)] });
      const answer = { message, extendedError: { code: 3, text: 'old' } };
      const reply = decodeReply(relayMessage(aQuery('a.test', { edns: {} }), answer, true));
      return (reply.additionals?.[0] as unknown as { options: { code: number; data: Buffer }[] }).options;
    };
    assert.deepEqual(
      relayed().map(({ code, data }) => [code, data.toString('latin1')]),
      [[15, '\0\x03old']],
    );
    assert.deepEqual(
      relayed([{ code: 15, data: Buffer.from('\0\x06no') }]).map(({ code, data }) => [code, data.toString('latin1')]),
      [
        [15, '\0\x03'],
        [15, '\0\x06no'],
      ],
    );
    const answer = { message: upstreamReply('a.test'), extendedError: { code: 3 } };
    assert.deepEqual(decodeReply(relayMessage(aQuery('a.test'), answer, true)).additionals, []);
  });

  it('fits the longest question and two Extended DNS Errors into 512 bytes', () => {
    const name = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
    const message = upstreamReply(name, { additionals: [opt([{ code: 15, data: Buffer.alloc(202, 'x') }])] });
    const answer = { message, extendedError: { code: 13, text: 'y'.repeat(300) } };
    const relayed = relayMessage(aQuery(name, { edns: { payloadSize: 512 } }), answer, true);
    assert.ok(relayed !== undefined && relayed.length <= 512, `${relayed?.length} bytes`);
  });

  it('cuts what is too long between RRsets and sets TC, and loses additional records without saying so', () => {
    const big = Array.from({ length: 40 }, (_, index) => address('big.test', `192.0.2.${index}`));
    const long = upstreamReply('a.test', { answers: [address('a.test', '192.0.2.1'), ...big] });
    const cut = relayMessage(aQuery('a.test'), { message: long }, true);
    assert.ok((cut?.length ?? 0) <= 512);
    assert.deepEqual([decodeReply(cut).flag_tc, decodeReply(cut).answers?.length], [true, 1]);
    const whole = decodeReply(relayMessage(aQuery('a.test', {}, tcpClient), { message: long }, true));
    assert.deepEqual([whole.flag_tc, whole.answers?.length], [false, 41]);

    const helpful = upstreamReply('a.test', { answers: [address('a.test', '192.0.2.1')], additionals: big });
    const short = decodeReply(relayMessage(aQuery('a.test'), { message: helpful }, true));
    assert.deepEqual([short.flag_tc, short.answers?.length, short.additionals?.length], [false, 1, 0]);
  });

  it('refuses what is malformed or answers another question', () => {
    const message = upstreamReply('a.test', { answers: [address('a.test', '192.0.2.1')] });
    assert.equal(relayMessage(aQuery('b.test'), { message }, true), undefined);
    for (let length = 0; length < message.length; length++) {
      assert.equal(
        relayMessage(aQuery('a.test'), { message: message.subarray(0, length) }, true),
        undefined,
        `${length} bytes`,
      );
    }
  });

  it('never throws, and never gives more than the asker can take', () => {
    const base = upstreamReply('a.test', { answers: [address('a.test', '192.0.2.1')], additionals: [opt()] });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const bytes = Uint8Array.from(base);
        for (const [offset, value] of changes) bytes[offset] = value;
        assert.ok((relayMessage(aQuery('a.test'), { message: bytes }, true)?.length ?? 0) <= 512);
      }),
      { numRuns: 3_000 },
    );
  });
});
