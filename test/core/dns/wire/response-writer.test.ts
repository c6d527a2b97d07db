import assert from 'node:assert/strict';
import packet from 'dns-packet';
import fc from 'fast-check';
import type { DnsQuery, RecordsAnswer } from '#core/contracts/resolver.js';
import type { ResourceRecord } from '#core/contracts/resource-record.js';
import { decodeName } from '#core/dns/wire/domain-name.js';
import { parseQuery } from '#core/dns/wire/query-parser.js';
import { writeHeaderOnly, writeResponse } from '#core/dns/wire/response-writer.js';
import { decodeReply, extendedErrorIn, queryBytes, type QueryOptions } from '../../../support/dns-message.js';
import { assertWholeSets } from '../../../support/assert-whole-sets.js';
import { aQuery, tcpClient, udpClient } from '../../../support/dns-query.js';

const reply = (options: QueryOptions, answer: RecordsAnswer, name = 'a.test') =>
  decodeReply(writeResponse(aQuery(name, options), answer, true));
/** The query for A of a name in wire form. */
const patchedQuestion = (name: Uint8Array): DnsQuery => {
  const message = Buffer.concat([queryBytes('').subarray(0, 12), name, Uint8Array.of(0, 1, 0, 1)]);
  const parsed = parseQuery(message, udpClient);
  assert.ok(parsed.verdict === 'accepted');
  return parsed.query;
};
const addresses = (count: number, name = 'a.test'): ResourceRecord[] =>
  Array.from({ length: count }, (_, index) => ({ name, type: 'A', ttl: 60, address: `192.0.2.${index % 256}` }));

describe('the response writer', () => {
  it('echoes the id, the question in its own case, RD and CD', () => {
    const query = aQuery('ExAmPlE.oRg', { id: 9, flags: packet.RECURSION_DESIRED | packet.CHECKING_DISABLED });
    const decoded = decodeReply(writeResponse(query, { rcode: 0 }, false));
    assert.equal(decoded.id, 9);
    assert.equal(decoded.questions?.[0]?.name, 'ExAmPlE.oRg');
    assert.deepEqual([decoded.flag_qr, decoded.flag_rd, decoded.flag_cd], [true, true, true]);
    assert.deepEqual(
      [decoded.flag_aa, decoded.flag_ra, decoded.flag_ad, decoded.flag_tc],
      [false, false, false, false],
    );
  });

  it('sets AA for what is authoritative and RA where recursion is available', () => {
    const decoded = reply({ flags: 0 }, { rcode: 3, authoritative: true });
    assert.deepEqual(
      [decoded.flag_aa, decoded.flag_ra, decoded.flag_rd, decoded.rcode],
      [true, true, false, 'NXDOMAIN'],
    );
  });

  it('gives an OPT record if and only if the query had one, with DO as asked', () => {
    assert.deepEqual(reply({}, { rcode: 0 }).additionals, []);
    for (const dnssecOk of [true, false]) {
      const [opt, ...more] = reply({ edns: { dnssecOk } }, { rcode: 0 }).additionals ?? [];
      assert.deepEqual(more, []);
      assert.ok(opt?.type === 'OPT');
      assert.deepEqual([opt.udpPayloadSize, opt.flag_do, opt.ednsVersion], [1232, dnssecOk, 0]);
    }
  });

  it('says why by an Extended DNS Error of at most 200 bytes, cut between characters and ended by …, where there is EDNS', () => {
    const answer = { rcode: 2, extendedError: { code: 14, text: 'ä'.repeat(150) } };
    assert.deepEqual(extendedErrorIn(reply({ edns: {} }, answer)), { code: 14, text: `${'ä'.repeat(98)}…` });
    assert.equal(extendedErrorIn(reply({}, answer)), undefined);
  });

  it('puts the upper bits of an extended rcode into the OPT record, and says SERVFAIL where there is none', () => {
    const [opt] = reply({ edns: {} }, { rcode: 16 }).additionals ?? [];
    assert.equal(opt?.type === 'OPT' && opt.extendedRcode, 1);
    assert.equal(reply({}, { rcode: 16 }).rcode, 'SERVFAIL');
  });

  it('drops whole RRsets over UDP and says so by TC, at 512 bytes, the payload size, and 1232', () => {
    const answers = [...addresses(20), ...addresses(100, 'b.test')];
    for (const [edns, limit] of [
      [undefined, 512],
      [{ payloadSize: 700 }, 700],
      [{ payloadSize: 4096 }, 1232],
    ] as const) {
      const bytes = writeResponse(aQuery('a.test', { edns }), { rcode: 0, answers }, true);
      const decoded = decodeReply(bytes);
      assert.ok(bytes.length <= limit);
      assert.equal(decoded.flag_tc, true);
      assert.equal(decoded.answers?.length, 20);
    }
  });

  it('never leaves an RRset incomplete at any size, and can always be parsed', () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/);
    const owner = fc.oneof(
      fc.constantFrom('a.test', 'A.test', 'b.a.test'),
      fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.')),
    );
    const record = fc.oneof(
      fc.record({ name: owner, type: fc.constant('A' as const), ttl: fc.nat(), address: fc.ipV4() }),
      fc.record({ name: owner, type: fc.constant('PTR' as const), ttl: fc.nat(), target: owner }),
      fc.record({
        name: owner,
        type: fc.constant('TXT' as const),
        ttl: fc.nat(),
        strings: fc.array(fc.string({ maxLength: 60 }), { minLength: 1, maxLength: 4 }),
      }),
    );
    const section = fc.array(record, { maxLength: 40 });
    const size = fc.option(fc.integer({ min: 1, max: 1400 }), { nil: undefined });
    fc.assert(
      fc.property(section, section, size, (answers, authorities, payloadSize) => {
        const edns = payloadSize === undefined ? undefined : { payloadSize };
        const bytes = writeResponse(aQuery('a.test', { edns }), { rcode: 0, answers, authorities }, true);
        assert.ok(bytes.length <= Math.max(512, Math.min(payloadSize ?? 512, 1232)));
        const decoded = decodeReply(bytes);
        assertWholeSets(answers, decoded.answers ?? []);
        assertWholeSets(authorities, decoded.authorities ?? []);
        const kept = (decoded.answers?.length ?? 0) + (decoded.authorities?.length ?? 0);
        assert.equal(decoded.flag_tc, kept < answers.length + authorities.length);
      }),
      { numRuns: 400 },
    );
  });

  it('fits question, OPT record and reason into 512 bytes, whatever the name', () => {
    const longest = `${`${'a'.repeat(63)}.`.repeat(3)}${'a'.repeat(61)}`;
    const answer = { rcode: 2, extendedError: { code: 14, text: 'x'.repeat(300) }, answers: addresses(40, longest) };
    const bytes = writeResponse(aQuery(longest, { edns: { payloadSize: 1 } }), answer, true);
    assert.ok(bytes.length <= 512);
    const decoded = decodeReply(bytes);
    assert.deepEqual([decoded.flag_tc, extendedErrorIn(decoded)?.code], [true, 14]);
  });

  it('keeps binary labels as they are, and finds them again by pointers whatever their case', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(label, { minLength: 1, maxLength: 3 }),
        fc.array(label, { minLength: 1, maxLength: 2 }),
        (tail, head) => {
          const wire = (labels: Uint8Array[]): Buffer =>
            Buffer.concat([...labels.flatMap((bytes) => [Uint8Array.of(bytes.length), bytes]), Uint8Array.of(0)]);
          const asked = patchedQuestion(wire(tail));
          const below = decodeName(wire([...head, ...tail]), 0)?.name ?? '';
          const answers: ResourceRecord[] = [{ name: below, type: 'PTR', ttl: 1, target: below }];
          const bytes = Buffer.from(writeResponse(asked, { rcode: 0, answers }, true));
          assert.deepEqual(bytes.subarray(12, 12 + wire(tail).length), wire(tail));
          // The owner is its own labels and a pointer to the question, the target a pointer to the owner.
          const own = wire(head).length - 1;
          const ownerAt = 12 + wire(tail).length + 4;
          assert.equal(bytes.length, ownerAt + own + 2 + 10 + 2);
          assert.equal(bytes.readUInt16BE(ownerAt + own), 0xc00c);
          assert.equal(bytes.readUInt16BE(bytes.length - 2), 0xc000 | ownerAt);
          assert.deepEqual(
            decodeName(Buffer.concat([bytes.subarray(ownerAt, ownerAt + own), wire(tail)]), 0)?.name,
            below,
          );
        },
      ),
    );
  });

  it('says nothing with authority to class ANY (RFC 1034, 3.7.1)', () => {
    assert.equal(reply({ class: 'ANY' }, { rcode: 0, authoritative: true, answers: addresses(1) }).flag_aa, false);
  });

  it('gives all of it over TCP', () => {
    const bytes = writeResponse(aQuery('a.test', {}, tcpClient), { rcode: 0, answers: addresses(2_000) }, true);
    const decoded = decodeReply(bytes);
    assert.deepEqual([decoded.flag_tc, decoded.answers?.length], [false, 2_000]);
  });

  it('compresses names', () => {
    const query = aQuery('www.example.org');
    const [record] = addresses(1, 'www.example.org');
    const bytes = writeResponse(query, { rcode: 0, answers: record ? [record] : [] }, true);
    assert.equal(bytes.length, query.message.length + 16);
  });

  it('writes every kind of record as dns-packet understands it', () => {
    const head = { name: 'b.a.test', ttl: 60 };
    const soa = { mname: 'ns.a.test', rname: 'x.a.test', serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 };
    const answers: ResourceRecord[] = [
      { ...head, type: 'A', address: '192.0.2.1' },
      { ...head, type: 'AAAA', address: '2001:db8::1' },
      { ...head, type: 'CNAME', target: 'c.b.a.test' },
      { ...head, type: 'PTR', target: 'a.test' },
      { ...head, type: 'SOA', ...soa },
      { ...head, type: 'TXT', strings: ['one', 'two'] },
      { ...head, type: 13, data: Uint8Array.of(1, 0x78, 1, 0x79) },
    ];
    const decoded = reply({ edns: {} }, { rcode: 0, answers }).answers ?? [];
    const data = decoded.map((record) => ('data' in record ? record.data : undefined));
    const [a, aaaa, cname, ptr, start, txt, hinfo] = data;
    assert.deepEqual([a, aaaa, cname, ptr], ['192.0.2.1', '2001:db8::1', 'c.b.a.test', 'a.test']);
    assert.deepEqual(start, soa);
    assert.deepEqual(txt, [Buffer.from('one'), Buffer.from('two')]);
    assert.deepEqual(hinfo, { cpu: 'x', os: 'y' });
  });

  it('survives the round trip through dns-packet for any names and addresses', () => {
    const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/);
    const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'));
    fc.assert(
      fc.property(name, fc.array(fc.tuple(name, fc.ipV4()), { maxLength: 20 }), (asked, pairs) => {
        const answers = pairs.map(([owner, address]): ResourceRecord => ({ name: owner, type: 'A', ttl: 1, address }));
        const decoded = decodeReply(writeResponse(aQuery(asked, {}, tcpClient), { rcode: 0, answers }, true));
        assert.equal(decoded.questions?.[0]?.name, asked);
        const got = decoded.answers?.map((record) => `${record.name} ${record.type === 'A' ? record.data : ''}`);
        // Those of one owner stand together.
        assert.deepEqual(
          got?.map((text) => text.toLowerCase()).sort(),
          pairs.map((pair) => pair.join(' ').toLowerCase()).sort(),
        );
      }),
    );
  });

  it('refuses records that cannot be written', () => {
    const head = { name: 'a', ttl: 1 };
    const wrong: ResourceRecord[] = [
      { ...head, type: 'A', address: 'somewhere' },
      { ...head, type: 'A', address: '192.0.2.1', ttl: 2 ** 31 },
      { ...head, type: 'TXT', strings: [] },
      { ...head, type: 'TXT', strings: ['x'.repeat(256)] },
      { ...head, type: 'PTR', target: 'x'.repeat(64) },
      { ...head, type: 65_534, data: new Uint8Array(65_536) },
    ];
    for (const record of wrong) {
      assert.throws(
        () => writeResponse(aQuery('a'), { rcode: 0, answers: [record] }, true),
        RangeError,
        String(record.type),
      );
    }
  });

  it('answers with a bare header what it could read no more of', () => {
    const message = Buffer.from(queryBytes('a.test', { id: 77 }));
    message.writeUInt16BE(0x2900, 2);
    assert.deepEqual(writeHeaderOnly(message, 4, false), Buffer.from([0, 77, 0xa9, 4, 0, 0, 0, 0, 0, 0, 0, 0]));
  });
});
