import assert from 'node:assert/strict';
import packet from 'dns-packet';
import fc from 'fast-check';
import { parseQuery } from '#core/dns/wire/query-parser.js';
import { queryBytes } from '../../../support/dns-message.js';
import { udpClient } from '../../../support/dns-query.js';

/** The bytes with this 16-bit number at this place. */
function patched(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(value, offset);
  return copy;
}

const plain = queryBytes('a.example.org');
const withOpt = queryBytes('a.example.org', { edns: {} });
const verdictOn = (message: Uint8Array): string => {
  const parsed = parseQuery(message, udpClient);
  if (parsed.verdict === 'malformed') return `malformed ${parsed.rcode}`;
  return parsed.verdict === 'rejected' ? `rejected ${parsed.answer.rcode}` : parsed.verdict;
};

describe('the query parser', () => {
  it('reads name, type, class, flags and EDNS of a query', () => {
    const flags = packet.RECURSION_DESIRED | packet.CHECKING_DISABLED;
    const message = queryBytes('WwW.Example.ORG', { type: 'AAAA', flags, edns: { payloadSize: 4096, dnssecOk: true } });
    assert.deepEqual(parseQuery(message, udpClient), {
      verdict: 'accepted',
      query: {
        name: 'www.example.org',
        type: 28,
        class: 1,
        recursionDesired: true,
        authenticData: false,
        checkingDisabled: true,
        edns: { payloadSize: 4096, dnssecOk: true },
        client: udpClient,
        proven: false,
        message,
      },
    });
  });

  it('takes a payload size below 512 as 512', () => {
    const parsed = parseQuery(queryBytes('a.test', { edns: { payloadSize: 10 } }), udpClient);
    assert.equal(parsed.verdict === 'accepted' && parsed.query.edns?.payloadSize, 512);
  });

  it('keeps header, question and OPT record of a longer message, as a query may wait for long', () => {
    const rest = Buffer.alloc(65_000);
    for (const message of [plain, withOpt]) {
      const parsed = parseQuery(Buffer.concat([message, rest]), udpClient);
      assert.ok(parsed.verdict === 'accepted');
      assert.deepEqual(Buffer.from(parsed.query.message), Buffer.from(message));
      assert.ok(parsed.query.message.buffer.byteLength < 100, 'in memory of its own');
    }
  });

  it('keeps no option of a long OPT record but the cookie, and none of another additional record', () => {
    const cookie = Buffer.alloc(8, 7);
    const option = (code: number, data: Uint8Array): Buffer =>
      Buffer.concat([Buffer.from([0, code, data.length >> 8, data.length & 255]), data]);
    const kept = Buffer.concat([option(12, Buffer.alloc(100)), option(10, cookie)]);
    const padded = Buffer.concat([option(12, Buffer.alloc(60_000)), option(10, cookie)]);
    const signature = Buffer.concat([Buffer.from([0, 0, 250, 0, 255, 0, 0, 0, 0, 3, 0]), Buffer.alloc(768)]);
    for (const [options, expected] of [
      [kept, kept],
      [padded, option(10, cookie)],
    ] as const) {
      const message = patched(patched(withOpt, withOpt.length - 2, options.length), 10, 2);
      const parsed = parseQuery(Buffer.concat([message, options, signature]), udpClient);
      assert.ok(parsed.verdict === 'accepted', parsed.verdict);
      const alone = Buffer.concat([patched(withOpt, withOpt.length - 2, expected.length), expected]);
      assert.deepEqual(Buffer.from(parsed.query.message), alone);
      assert.deepEqual(Buffer.from(parsed.query.edns?.cookie ?? []), cookie);
      assert.ok((parsed.query.edns?.cookie?.buffer.byteLength ?? 0) < 10_000, 'nor does the cookie keep it');
    }
  });

  it('stays silent on what is too short for a header, and on responses', () => {
    assert.equal(verdictOn(plain.subarray(0, 11)), 'silent');
    assert.equal(verdictOn(patched(plain, 2, 0x8100)), 'silent');
    assert.equal(verdictOn(patched(plain, 2, 0xf800)), 'silent');
  });

  it('says NOTIMP to every opcode but QUERY', () => {
    for (let opcode = 1; opcode < 16; opcode++) assert.equal(verdictOn(patched(plain, 2, opcode << 11)), 'malformed 4');
  });

  it('says FORMERR to any number of questions but one, and to answers and authorities in a query', () => {
    for (const [offset, count] of [
      [4, 0],
      [4, 2],
      [4, 65_535],
      [6, 1],
      [8, 1],
      [6, 65_535],
    ] as const) {
      assert.equal(verdictOn(patched(plain, offset, count)), 'malformed 1', `${count} at ${offset}`);
    }
  });

  it('says FORMERR to a question that is cut off or compressed', () => {
    for (let length = 12; length < plain.length; length++)
      assert.equal(verdictOn(plain.subarray(0, length)), 'malformed 1');
    const pointer = Uint8Array.from([...plain.subarray(0, 12), 0xc0, 12, 0, 1, 0, 1]);
    assert.equal(verdictOn(pointer), 'malformed 1');
  });

  it('says FORMERR to three additional records, to two OPT records, and to one that is malformed', () => {
    const opt = withOpt.subarray(-11);
    const twoOpts = patched(Buffer.concat([withOpt, opt]), 10, 2);
    assert.equal(verdictOn(twoOpts), 'malformed 1');
    assert.equal(verdictOn(patched(Buffer.concat([twoOpts, opt]), 10, 3)), 'malformed 1');
    assert.equal(verdictOn(patched(plain, 10, 1)), 'malformed 1', 'a record that is not there');
    const owned = Buffer.concat([plain, Uint8Array.of(1, 0x61), opt]);
    assert.equal(verdictOn(patched(owned, 10, 1)), 'malformed 1', 'an OPT record that is not of the root');
    const cutOption = Buffer.concat([patched(withOpt, withOpt.length - 2, 5), Uint8Array.of(0, 10, 0, 9, 1)]);
    assert.equal(verdictOn(cutOption), 'malformed 1', 'an option that is longer than its record');
  });

  it('says FORMERR to more than two additional records, well-formed as they may be', () => {
    const other = Uint8Array.of(0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 2, 1, 2);
    const withOthers = (count: number): Uint8Array =>
      patched(Buffer.concat([plain, ...Array<Uint8Array>(count).fill(other)]), 10, count);
    assert.deepEqual(
      [1, 2, 3, 4, 50].map((count) => verdictOn(withOthers(count))),
      [...['accepted', 'accepted', 'malformed 1', 'malformed 1', 'malformed 1']],
    );
  });

  it('takes names of 255 bytes, of any characters, and says FORMERR to those of 256', () => {
    for (const character of [0x61, 0x2e, 0x07]) {
      for (const [length, verdict] of [
        [254, 'accepted'],
        [255, 'accepted'],
        [256, 'malformed 1'],
        [257, 'malformed 1'],
      ] as const) {
        const labels = [63, 63, 63, length - 194].flatMap((size) => [size, ...Array<number>(size).fill(character)]);
        const message = Uint8Array.from([...plain.subarray(0, 12), ...labels, 0, 0, 1, 0, 1]);
        assert.equal(verdictOn(message), verdict, `${length} bytes of ${character}`);
      }
    }
  });

  it('says BADVERS to EDNS versions above 0', () => {
    assert.equal(verdictOn(queryBytes('a.test', { edns: { version: 1 } })), 'rejected 16');
  });

  it('refuses other classes than IN and ANY, and zone transfers', () => {
    assert.equal(verdictOn(queryBytes('version.bind', { type: 'TXT', class: 'CH' })), 'rejected 5');
    assert.equal(verdictOn(queryBytes('a.test', { class: 'ANY' })), 'accepted');
    assert.equal(verdictOn(queryBytes('a.test', { type: 'AXFR' })), 'rejected 5');
    const soa = Uint8Array.of(0, 0, 6, 0, 1, 0, 0, 0, 0, 0, 0);
    const incremental = patched(Buffer.concat([queryBytes('a.test', { type: 'IXFR' }), soa]), 8, 1);
    assert.equal(verdictOn(incremental), 'rejected 5');
    assert.equal(verdictOn(incremental.subarray(0, -1)), 'malformed 1');
  });

  it('refuses a zone transfer with an OPT record where there was one (RFC 6891, 6.1.1)', () => {
    const parsed = parseQuery(queryBytes('a.test', { type: 'AXFR', edns: { dnssecOk: true } }), udpClient);
    assert.deepEqual(parsed.verdict === 'rejected' && parsed.query.edns, { payloadSize: 1232, dnssecOk: true });
  });

  it('says FORMERR to questions for what belongs to a message: OPT, TKEY, TSIG', () => {
    const ends = plain.length - 4;
    for (const type of [41, 249, 250]) assert.equal(verdictOn(patched(plain, ends, type)), 'rejected 1');
    for (const type of [0, 65_534, 65_535]) assert.equal(verdictOn(patched(plain, ends, type)), 'accepted');
  });

  it('finds the OPT record in any place, and passes over what else is there (RFC 6891, 6.1.1)', () => {
    const opt = withOpt.subarray(-11);
    const other = Uint8Array.of(0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 2, 1, 2);
    for (const records of [
      [opt, other],
      [other, opt],
    ]) {
      const parsed = parseQuery(patched(Buffer.concat([plain, ...records]), 10, 2), udpClient);
      assert.deepEqual(parsed.verdict === 'accepted' && parsed.query.edns, { payloadSize: 1232, dnssecOk: false });
    }
  });

  it('ignores flags and options of EDNS that nobody knows (RFC 6891, 6.1.2 and 6.1.4)', () => {
    const options = Uint8Array.of(0, 100, 0, 3, 1, 2, 3, 0xff, 0xfe, 0, 0);
    const message = Buffer.concat([withOpt, options]);
    message.writeUInt16BE(options.length, withOpt.length - 2);
    message.writeUInt16BE(0x7fff, withOpt.length - 4);
    const parsed = parseQuery(message, udpClient);
    assert.deepEqual(parsed.verdict === 'accepted' && parsed.query.edns, { payloadSize: 1232, dnssecOk: false });
  });

  it('never throws, whatever the bytes', () => {
    const mutated = fc
      .tuple(fc.constantFrom(plain, withOpt), fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 6 }), fc.nat(60))
      .map(([base, changes, length]) => {
        const bytes = Uint8Array.from(base.subarray(0, Math.max(12, length)));
        for (const [offset, value] of changes) bytes[offset % bytes.length] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), mutated), (bytes) => {
        const { verdict } = parseQuery(bytes, udpClient);
        assert.ok(['silent', 'malformed', 'rejected', 'accepted'].includes(verdict));
      }),
      { numRuns: 3_000 },
    );
  });
});
