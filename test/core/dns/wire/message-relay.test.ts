import assert from 'node:assert/strict';
import packet, { type Packet } from 'dns-packet';
import fc from 'fast-check';
import { relayMessage } from '#core/dns/wire/message-relay.js';
import { assertWholeSets } from '../../../support/assert-whole-sets.js';
import { decodeReply, extendedErrorIn, type QueryOptions } from '../../../support/dns-message.js';
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
  it("gives it the client's id, question, RD and CD, and our RA; AD and the rcode stay", () => {
    const query = aQuery('A.tEst', { id: 42, flags: packet.CHECKING_DISABLED | packet.AUTHENTIC_DATA });
    const bytes = relayMessage(query, { message: compressed('a.test') }, true);
    const decoded = decodeReply(bytes);
    assert.deepEqual(
      [decoded.id, decoded.flag_rd, decoded.flag_cd, decoded.flag_ra, decoded.flag_ad],
      [42, false, true, true, true],
    );
    assert.equal(decoded.questions?.[0]?.name, 'A.tEst');
    assert.equal(decoded.answers?.[0]?.name, 'A.tEst');
  });

  it('passes AD on to those who show that they understand it, by AD or DO (RFC 6840, 5.8)', () => {
    const adFor = (options: QueryOptions): boolean =>
      decodeReply(relayMessage(aQuery('a.test', options), { message: upstreamReply('a.test') }, true)).flag_ad;
    assert.equal(adFor({ flags: packet.AUTHENTIC_DATA }), true);
    assert.equal(adFor({ edns: { dnssecOk: true } }), true);
    assert.equal(adFor({ edns: {} }), false);
    assert.equal(adFor({}), false);
  });

  it('passes TC on, and says SERVFAIL for an extended rcode to a client without EDNS', () => {
    const cut = upstreamReply('a.test', { flags: packet.TRUNCATED_RESPONSE });
    assert.equal(decodeReply(relayMessage(aQuery('a.test'), { message: cut }, true)).flag_tc, true);
    const badVersion = upstreamReply('a.test', { additionals: [{ ...opt(), extendedRcode: 1 }] });
    assert.equal(decodeReply(relayMessage(aQuery('a.test'), { message: badVersion }, true)).rcode, 'SERVFAIL');
    const reply = decodeReply(relayMessage(aQuery('a.test', { edns: {} }), { message: badVersion }, true));
    assert.equal((reply.additionals?.[0] as unknown as { extendedRcode: number }).extendedRcode, 1);
  });

  it('passes records of unknown types on byte for byte (RFC 3597, 3)', () => {
    const data = Buffer.from([0, 255, 0xc0, 0x0c, 0x41]);
    const message = Buffer.concat([
      upstreamReply('a.test'),
      Uint8Array.of(0xc0, 12, 0xff, 0xfe, 0, 1, 0, 0, 0, 9, 0, data.length),
      data,
    ]);
    message.writeUInt16BE(1, 6);
    const relayed = Buffer.from(relayMessage(aQuery('a.test', { edns: {} }), { message }, true) ?? []);
    assert.ok(relayed.includes(message.subarray(-17)));
    assert.equal(relayed.readUInt16BE(6), 1);
  });

  it('keeps what stands behind the OPT record, where it can be moved', () => {
    const glue = [
      address('ns.a.test', '192.0.2.53'),
      { type: 'AAAA', name: 'ns.a.test', ttl: 5, data: '2001:db8::53' },
    ];
    const message = upstreamReply('a.test', {
      answers: [address('a.test', '192.0.2.1')],
      additionals: [opt(), ...glue],
    });
    const additionals = decodeReply(relayMessage(aQuery('a.test', { edns: {} }), { message }, true)).additionals ?? [];
    assert.deepEqual(
      additionals.map(({ type }) => type),
      ['A', 'AAAA', 'OPT'],
    );
    const without = decodeReply(relayMessage(aQuery('a.test'), { message }, true)).additionals ?? [];
    assert.deepEqual(
      without.map((record) => 'data' in record && record.data),
      ['192.0.2.53', '2001:db8::53'],
    );
    // The owner points to a name that itself stands behind the OPT record, and would no longer be there.
    const pointer = 0xc000 | (message.length - 28 - 11);
    const pointing = Buffer.concat([
      message,
      Uint8Array.of(pointer >> 8, pointer & 255, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4),
    ]);
    pointing.writeUInt16BE(4, 10);
    assert.equal(decodeReply(relayMessage(aQuery('a.test'), { message: pointing }, true)).additionals?.length, 2);
  });

  it('refuses a message with two OPT records', () => {
    assert.equal(
      relayMessage(aQuery('a.test'), { message: upstreamReply('a.test', { additionals: [opt(), opt()] }) }, true),
      undefined,
    );
  });

  it('never leaves an RRset incomplete, whatever the client can take and however the records are mixed', () => {
    const record = fc.record({ owner: fc.constantFrom('a.test', 'B.test', 'b.test', 'c.b.test'), last: fc.nat(255) });
    const section = fc.array(record, { maxLength: 25 });
    const payload = fc.option(fc.integer({ min: 1, max: 1400 }), { nil: undefined });
    fc.assert(
      fc.property(
        section,
        section,
        section,
        payload,
        fc.boolean(),
        (answers, authorities, additionals, size, first) => {
          const written = [answers, authorities, additionals].map((records) =>
            records.map(({ owner, last }) => address(owner, `192.0.2.${last}`)),
          );
          const [answer, authority, additional = []] = written;
          const withOpt = first ? [opt(), ...additional] : [...additional, opt()];
          const parts = { answers: answer, authorities: authority, additionals: withOpt };
          const query = aQuery('a.test', { edns: size === undefined ? undefined : { payloadSize: size } });
          const relayed = relayMessage(query, { message: upstreamReply('a.test', parts) }, true);
          assert.ok(relayed);
          assert.ok(relayed.length <= Math.max(512, Math.min(size ?? 512, 1232)));
          const reply = decodeReply(relayed);
          const kept = [reply.answers, reply.authorities, reply.additionals];
          for (const [index, all] of written.entries())
            assertWholeSets(all, kept[index]?.filter(({ type }) => type === 'A') ?? []);
          const lost =
            (reply.answers?.length ?? 0) + (reply.authorities?.length ?? 0) < answers.length + authorities.length;
          assert.equal(reply.flag_tc, lost);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('refuses what is malformed for a client without EDNS, and puts one of ours in for one with it', () => {
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

  it('never throws, and never gives more than the client can take', () => {
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
