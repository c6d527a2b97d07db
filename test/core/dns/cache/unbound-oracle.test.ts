import assert from 'node:assert/strict';
import { SystemClock } from '#core/clock.js';
import type { Endpoint } from '#core/net/endpoint.js';
import { CachingResolver } from '#core/dns/cache/caching-resolver.js';
import { DnsServer } from '#core/dns/server.js';
import { Forwarder } from '#core/dns/forwarder/forwarder.js';
import { askByTcp, askByUdp } from '../../../support/dns-exchange.js';
import { serverContext } from '../../../support/dns-admission.js';
import { DnsLog } from '../../../support/dns-log.js';
import { decodeReply, queryBytes, type QueryOptions, type Reply } from '../../../support/dns-message.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import type { NameDaemon } from '../../../support/name-daemon.js';
import { startUnbound } from '../../../support/unbound.js';

const LOCAL_DATA = [
  'oracle.test. 900 SOA ns.oracle.test. post.oracle.test. 7 3600 600 86400 120',
  'oracle.test. 900 NS ns.oracle.test.',
  'oracle.test. 600 MX 10 mail.oracle.test.',
  'www.oracle.test. 60 A 192.0.2.1',
  'www.oracle.test. 60 A 192.0.2.2',
  'www.oracle.test. 300 AAAA 2001:db8::1',
  'alias.oracle.test. 50 CNAME www.oracle.test.',
  'never.oracle.test. 0 A 192.0.2.3',
  'deep.empty.oracle.test. 60 A 192.0.2.4',
  'www.oracle.test. 60 TYPE65 \\# 3 000100',
  ...Array.from({ length: 60 }, (_, index) => `big.oracle.test. 60 TXT ${index}-${'x'.repeat(40)}`),
];

const QUESTIONS: readonly (readonly [string, QueryOptions?])[] = [
  ['www.oracle.test'],
  ['WWW.oracle.test', { edns: {} }],
  ['www.oracle.test', { type: 'AAAA', edns: { dnssecOk: true } }],
  ['www.oracle.test', { type: 'MX' }],
  ['www.oracle.test', { type: 'ANY', edns: {} }],
  ['oracle.test', { type: 'MX', edns: {} }],
  ['oracle.test', { type: 'SOA' }],
  ['alias.oracle.test', { type: 'CNAME' }],
  ['never.oracle.test', { edns: {} }],
  ['empty.oracle.test', { edns: {} }],
  ['gone.oracle.test', { edns: {} }],
  ['gone.oracle.test', { type: 'AAAA' }],
  ['below.gone.oracle.test', { type: 'TXT', edns: {} }],
  ['big.oracle.test', { type: 'TXT', edns: {} }],
  ['big.oracle.test', { type: 'TXT', edns: { payloadSize: 4_096 } }],
  ['elsewhere.test', { edns: {} }],
];

describe('the cache in front of a real Unbound', () => {
  let unbound: NameDaemon;
  let forwarder: Forwarder;
  let cache: CachingResolver;
  let server: DnsServer;
  let ours: Endpoint;

  before(async function () {
    const lines = LOCAL_DATA.map((data) => `local-data: '${data}'`);
    // What is no local data must not leave this machine.
    const zones = ['local-zone: "." refuse', 'local-zone: "oracle.test." static'];
    unbound = await startUnbound(this, { server: ['max-udp-size: 1232', ...zones, ...lines] });
    const deps = { clock: new SystemClock(), logger: new DnsLog() };
    const settings = dnsSettings({ forwarders: [unbound.endpoint] });
    const remembering = {
      ...settings,
      cache: { ...settings.cache, size: 1_048_576, negativeTtl: 14_400_000, prefetch: true },
    };
    forwarder = new Forwarder(remembering, { ...deps, listening: () => [] });
    cache = new CachingResolver(forwarder, remembering, deps.clock);
    server = new DnsServer(remembering, [cache], serverContext(deps));
    await forwarder.open();
    await server.listen();
    ours = server.listening[0] as Endpoint;
  });

  after(async () => {
    await server?.close(0);
    cache?.close();
    forwarder?.close();
    await unbound?.[Symbol.asyncDispose]();
  });

  for (const [name, options = {}] of QUESTIONS) {
    const { type = 'A', edns } = options;
    const how =
      edns === undefined
        ? ''
        : ` with EDNS${edns.dnssecOk === true ? ' and DO' : ''}, ${edns.payloadSize ?? 1232} bytes`;
    it(`says what Unbound says of ${name} ${type}${how}, asked for the first time and again`, async () => {
      const query = queryBytes(name, options);
      for (const transport of ['udp', 'tcp', 'udp'] as const) {
        const [theirs, own] = [await ask(unbound.endpoint, query, transport), await ask(ours, query, transport)];
        const whole = theirs.flag_tc ? await ask(unbound.endpoint, query, 'tcp') : theirs;
        assert.deepEqual(gist(own), { ...gist(theirs), tc: own.flag_tc });
        if (!own.flag_tc) assert.deepEqual(recordsOf(own).map(fact), recordsOf(whole).map(fact));
        assertTtls(own, whole);
      }
    });
  }

  it('has asked Unbound once for each that can be kept, and itself again for each at most once before it was hot', () => {
    const { hits, misses, entries } = cache.status;
    assert.ok(misses <= QUESTIONS.length + 3, `${misses} misses`);
    assert.ok(hits >= entries, `${hits} hits of ${entries} entries`);
    assert.ok(entries >= 10, `${entries} entries`);
  });
});

async function ask(endpoint: Endpoint, query: Uint8Array, transport: 'udp' | 'tcp'): Promise<Reply> {
  return decodeReply(transport === 'udp' ? await askByUdp(endpoint, query) : (await askByTcp(endpoint, query))[0]);
}

/** AA aside: Unbound has it for its own data, and we only pass that on. */
function gist({ rcode, flag_ad: ad, flag_cd: cd, flag_ra: ra, flag_rd: rd, flag_tc: tc, questions }: Reply): object {
  return { rcode, ad, cd, ra, rd, tc, questions };
}

type Record = Readonly<{ name: string; type: string; ttl?: number; data?: unknown }>;

function recordsOf({ answers = [], authorities = [] }: Reply): readonly Record[] {
  const inOrder = (records: readonly unknown[]): Record[] =>
    (records as Record[]).toSorted((one, other) => (fact(one) < fact(other) ? -1 : 1));
  return [...inOrder(answers), ...inOrder(authorities)];
}

function fact({ name, type, data }: Record): string {
  return `${name.toLowerCase()} ${type} ${JSON.stringify(data)}`;
}

function assertTtls(own: Reply, theirs: Reply): void {
  const known = new Map(recordsOf(theirs).map((record) => [fact(record), record.ttl ?? 0]));
  for (const record of recordsOf(own)) {
    const ttl = known.get(fact(record)) ?? NaN;
    assert.ok(Math.abs((record.ttl ?? 0) - ttl) <= 1, `${fact(record)}: TTL ${record.ttl}, and ${ttl} by Unbound`);
  }
}
