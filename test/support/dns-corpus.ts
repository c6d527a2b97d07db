import { queryBytes } from './dns-message.js';
import { withOptions } from './edns-options.js';

const LONG_NAME = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(50)}.example.org`;

/** EDNS options by their codes in IANA's registry. */
const [NSID, CLIENT_SUBNET, COOKIE, KEEPALIVE, PADDING, CHAIN, KEY_TAG] = [3, 8, 10, 11, 12, 13, 14] as const;
const clientCookie = Uint8Array.from({ length: 8 }, (_, n) => 0xc0 + n);
/** As RFC 9018, 4, lays a server's cookie out: version, reserved, a time, and a hash that fits nobody's secret. */
const serverCookie = Uint8Array.of(1, 0, 0, 0, 0x68, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8);
const withEdns = queryBytes('www.example.org', { edns: {} });

/** Messages, well-formed and not, that are worth spoiling: what a fuzzer starts from. */
export const dnsCorpus: readonly Uint8Array[] = [
  queryBytes('www.example.org'),
  queryBytes('WWW.example.ORG', { type: 'AAAA', edns: { payloadSize: 4096, dnssecOk: true } }),
  queryBytes(LONG_NAME, { edns: {} }),
  queryBytes('a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.lab.test'),
  queryBytes('7.2.0.192.in-addr.arpa', { type: 'PTR' }),
  queryBytes('www.example.org', { type: 'AXFR' }),
  queryBytes('version.bind', { type: 'TXT', class: 'CH' }),
  queryBytes('www.example.org', { edns: { version: 1 } }),
  queryBytes('nothing.lab.test', { type: 'ANY', edns: { payloadSize: 0 } }),
  queryBytes('', { type: 'NS' }),
  // 65 bytes that claim hundreds of thousands of records.
  Buffer.concat([Uint8Array.of(1, 1, 1, 0, 0, 1, 255, 255, 255, 255, 255, 255), new Uint8Array(53).fill(0xc0)]),
  withOptions(withEdns, [{ code: COOKIE, data: clientCookie }]),
  withOptions(withEdns, [{ code: COOKIE, data: Buffer.concat([clientCookie, serverCookie]) }]),
  withOptions(withEdns, [{ code: COOKIE, data: clientCookie.subarray(0, 7) }]),
  withOptions(withEdns, [{ code: COOKIE, data: Buffer.concat([clientCookie, new Uint8Array(33)]) }]),
  withOptions(withEdns, [
    { code: COOKIE, data: clientCookie },
    { code: COOKIE, data: Buffer.concat([clientCookie, serverCookie]) },
  ]),
  withOptions(withEdns, [{ code: NSID }, { code: KEEPALIVE, data: Uint8Array.of(0, 100) }, { code: CHAIN }]),
  withOptions(withEdns, [{ code: CLIENT_SUBNET, data: Uint8Array.of(0, 1, 24, 0, 192, 0, 2) }]),
  withOptions(withEdns, [{ code: PADDING, data: new Uint8Array(128) }]),
  withOptions(withEdns, [{ code: KEY_TAG, length: 0xffff }]),
  withOptions(
    withEdns,
    Array.from({ length: 100 }, (_, code) => ({ code })),
  ),
];
