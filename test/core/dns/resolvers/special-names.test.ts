import assert from 'node:assert/strict';
import type { RecordsAnswer } from '#core/contracts/resolver.js';
import { SpecialNames } from '#core/dns/resolvers/special-names.js';
import { writeResponse } from '#core/dns/wire/response-writer.js';
import { decodeReply, extendedErrorIn } from '../../../support/dns-message.js';
import { aQuery } from '../../../support/dns-query.js';

const resolver = new SpecialNames();
const ask = (name: string, type = 'A'): RecordsAnswer | undefined => resolver.resolve(aQuery(name, { type }));
const dataIn = (name: string, type: string): unknown[] => {
  const answer = ask(name, type);
  assert.ok(answer?.authoritative);
  assert.equal(answer.rcode, 0);
  return (answer.answers ?? []).map((record) =>
    'address' in record ? record.address : 'target' in record ? record.target : record.type,
  );
};

describe('special names', () => {
  it('are localhost and all below, at the loopback addresses (RFC 6761, 6.3)', () => {
    for (const name of ['localhost', 'LocalHost', 'a.b.localhost']) {
      assert.deepEqual(dataIn(name, 'A'), ['127.0.0.1']);
      assert.deepEqual(dataIn(name, 'AAAA'), ['::1']);
    }
  });

  it('have no data of other types, for as long as an SOA record says', () => {
    for (const [name, type] of [
      ['localhost', 'MX'],
      ['a.localhost', 'SOA'],
      ['1.0.0.127.in-addr.arpa', 'A'],
      ['0.127.in-addr.arpa', 'PTR'],
    ] as const) {
      assert.deepEqual(dataIn(name, type), []);
      const soa = ask(name, type)?.authorities?.[0];
      assert.ok(soa?.type === 'SOA' && 'minimum' in soa);
      assert.deepEqual([soa.ttl, soa.minimum], [10_800, 10_800]);
    }
    assert.deepEqual(dataIn('localhost', 'SOA'), ['SOA']);
    assert.deepEqual(dataIn('localhost', 'ANY'), [13]);
  });

  it('are the names of loopback addresses, which is localhost (RFC 6303)', () => {
    const ipv6 = `1.${'0.'.repeat(31)}ip6.arpa`;
    for (const name of ['1.0.0.127.in-addr.arpa', '255.9.10.127.in-addr.arpa', ipv6]) {
      assert.deepEqual(dataIn(name, 'PTR'), ['localhost']);
    }
    for (const name of ['256.0.0.127.in-addr.arpa', '01.0.0.127.in-addr.arpa', '1.1.0.0.127.in-addr.arpa']) {
      assert.equal(ask(name, 'PTR')?.rcode, 3, name);
    }
  });

  it('do not exist below invalid and onion, and the reason is given (RFC 6761, 6.4; RFC 7686)', () => {
    for (const [name, reason] of [
      ['invalid', /RFC 6761/],
      ['a.invalid', /RFC 6761/],
      ['duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion', /RFC 7686/],
    ] as const) {
      const query = aQuery(name, { edns: {} });
      const reply = decodeReply(writeResponse(query, resolver.resolve(query) ?? { rcode: 0 }, true));
      assert.deepEqual([reply.rcode, reply.flag_aa, reply.authorities?.[0]?.type], ['NXDOMAIN', true, 'SOA']);
      assert.equal(extendedErrorIn(reply)?.code, 29);
      assert.match(extendedErrorIn(reply)?.text ?? '', reason);
    }
  });

  it('are no others: whoever stands behind may know them', () => {
    for (const name of [
      ...['', 'test', 'a.test', 'example', 'example.com', 'a.local', 'home.arpa', 'ipv4only.arpa', 'alt', 'internal'],
      ...['notlocalhost', 'xinvalid', 'a\\.onion', '1.168.192.in-addr.arpa', '10.in-addr.arpa', '128.in-addr.arpa'],
    ]) {
      assert.equal(resolver.resolve({ ...aQuery('x'), name }), undefined, name);
    }
  });
});
