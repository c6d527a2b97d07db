import assert from 'node:assert/strict';
import packet from 'dns-packet';
import fc from 'fast-check';
import type { RecordsAnswer } from '#core/contracts/resolver.js';
import type { ResourceRecord } from '#core/contracts/resource-record.js';
import { writeHeaderOnly, writeResponse } from '#core/dns/wire/response-writer.js';
import { decodeReply, extendedErrorIn, queryBytes, type QueryOptions } from '../../../support/dns-message.js';
import { aQuery, tcpClient } from '../../../support/dns-query.js';

const reply = (options: QueryOptions, answer: RecordsAnswer, name = 'a.test') =>
  decodeReply(writeResponse(aQuery(name, options), answer, true));
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

  it('says why by an Extended DNS Error of at most 200 bytes, cut between characters, where there is EDNS', () => {
    const answer = { rcode: 2, extendedError: { code: 14, text: 'ä'.repeat(150) } };
    assert.deepEqual(extendedErrorIn(reply({ edns: {} }, answer)), { code: 14, text: 'ä'.repeat(100) });
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
        const got = decoded.answers?.map((record) => [record.name.toLowerCase(), 'data' in record ? record.data : '']);
        assert.deepEqual(
          got,
          pairs.map(([owner, address]) => [owner.toLowerCase(), address]),
        );
      }),
    );
  });

  it('refuses records that cannot be written', () => {
    const answers: ResourceRecord[] = [{ name: 'a', type: 'A', ttl: 1, address: 'somewhere' }];
    assert.throws(() => writeResponse(aQuery('a'), { rcode: 0, answers }, true), RangeError);
  });

  it('answers with a bare header what it could read no more of', () => {
    const message = Buffer.from(queryBytes('a.test', { id: 77 }));
    message.writeUInt16BE(0x2900, 2);
    assert.deepEqual(writeHeaderOnly(message, 4, false), Buffer.from([0, 77, 0xa9, 4, 0, 0, 0, 0, 0, 0, 0, 0]));
  });
});
