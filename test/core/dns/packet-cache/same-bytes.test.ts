import assert from 'node:assert/strict';
import fc from 'fast-check';
import packet from 'dns-packet';
import type { DnsAnswer, DnsClient, Resolver } from '#core/contracts/resolver.js';
import type { ResourceRecord } from '#core/contracts/resource-record.js';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { PacketCache } from '#core/dns/packet-cache/packet-cache.js';
import { QueryHandler } from '#core/dns/query-handler.js';
import { addressBytes } from '#core/net/address-bytes.js';
import { encodeName } from '#core/dns/wire/domain-name.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { askPacketCache } from '../../../support/ask-packet-cache.js';
import { EVERY_CLIENT_WAKES } from '../../../support/dns-admission.js';
import { DnsLog } from '../../../support/dns-log.js';
import { COOKIE_KINDS, cookieOfKind } from '../../../support/dns-cookie.js';
import { queryBytes } from '../../../support/dns-message.js';
import { udpClient } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { withOptions, type EdnsOption } from '../../../support/edns-options.js';
import { LASTING_LEASE } from '../../../support/fake-lease.js';

const NOW = 1_700_000_000_000;

const label = fc.uint8Array({ minLength: 1, maxLength: 63 });
/** Names in wire form, from the root to 255 bytes. */
const wireName = fc
  .array(label, { maxLength: 5 })
  .map((labels) => Buffer.concat([...labels.map((bytes) => Buffer.from([bytes.length, ...bytes])), Buffer.from([0])]))
  .filter((name) => name.length <= 255);
const plainName = fc.domain().map((name) => Buffer.from(encodeName(name)));
const edns = fc.option(
  fc.record({ payloadSize: fc.integer({ min: 0, max: 0xffff }), dnssecOk: fc.boolean(), z: fc.nat(0x7fff) }),
);
const query = fc.record({
  id: fc.nat(0xffff),
  /** Everything but QR and the opcode, which no query may have. */
  flags: fc.nat(0xffff).map((flags) => flags & 0x07ff),
  type: fc.constantFrom(1, 28, 16, 255, 65, 64_999, 249),
  class: fc.constantFrom(1, 255),
  upper: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
  edns,
  cookie: fc.constantFrom(...COOKIE_KINDS),
  /** Of a cookie that is forged or malformed, in bytes. */
  cookieLength: fc.oneof(fc.constantFrom(8, 16, 24, 40), fc.nat(60)),
  /** Whether there is another option beside the cookie. */
  more: fc.nat(9).map((number) => number === 0),
  transport: fc.constantFrom('udp', 'tcp'),
  /** The limits for sources that may be forged hold for two of them. */
  address: fc.constantFrom('127.0.0.1', '192.0.2.1', '2001:db8::1'),
});
const address: fc.Arbitrary<{ type: 'A' | 'AAAA'; address: string }> = fc.oneof(
  fc.ipV4().map((text) => ({ type: 'A' as const, address: text })),
  fc.nat(0xffff).map((part) => ({ type: 'AAAA' as const, address: `2001:db8::${part.toString(16)}` })),
);

type Asked = typeof query extends fc.Arbitrary<infer T> ? T : never;

const NSID = { code: 3 };

function optionsOf(asked: Asked, secret: Uint8Array): readonly EdnsOption[] {
  const { cookie, cookieLength, more } = asked;
  const address = addressBytes(asked.address) as Uint8Array;
  const data = cookieOfKind(cookie, secret, address, NOW, cookieLength);
  return [...(data === undefined ? [] : [{ code: 10, data }]), ...(more ? [NSID] : [])];
}

function bytesOf(name: Uint8Array, asked: Asked, secret: Uint8Array): Uint8Array {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(asked.id, 0);
  header.writeUInt16BE(asked.flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(asked.edns === null ? 0 : 1, 10);
  const own = name.map((byte, index) => {
    const letter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
    // A label's length is no letter: none is above 63.
    return letter && asked.upper[index % asked.upper.length] === true ? byte & 0xdf : byte;
  });
  const opt = Buffer.alloc(asked.edns === null ? 0 : 11);
  if (asked.edns !== null) {
    opt.writeUInt16BE(41, 1);
    opt.writeUInt16BE(asked.edns.payloadSize, 3);
    opt.writeUInt16BE(asked.edns.z | (asked.edns.dnssecOk ? 0x8000 : 0), 7);
  }
  const kind = Buffer.from([asked.type >> 8, asked.type & 0xff, 0, asked.class]);
  const message = Buffer.concat([header, own, kind, opt]);
  return asked.edns === null ? message : withOptions(message, optionsOf(asked, secret));
}

/** Whoever asks by the resolvers and by the packet cache, and how often the latter had an answer. */
class Comparison {
  hits = 0;
  /** For each cookie that an answer of the packet cache held. */
  readonly cookies = new Set<string>();
  readonly clock = new ManualClock(NOW);
  private readonly access: AccessControl;
  private readonly hot: PacketCache;
  private readonly slow: QueryHandler;
  private readonly keeping: QueryHandler;

  constructor(resolver: Resolver, recursionAvailable: boolean) {
    const rateLimit = { perSecond: 0, slip: 2, exempt: ['127.0.0.0/8'] };
    const settings = dnsSettings({ rateLimit, forwarders: recursionAvailable ? 'system' : 'off' });
    const { clock } = this;
    this.hot = new PacketCache(recursionAvailable, clock);
    const logger = new DnsLog();
    const access = (this.access = new AccessControl(settings, EVERY_CLIENT_WAKES, { clock, logger }));
    this.slow = new QueryHandler(settings, [resolver], { access, clock, logger });
    this.keeping = new QueryHandler(settings, [resolver], { access, clock, logger, packetCache: this.hot });
  }

  async ask(name: Uint8Array, asked: Asked): Promise<void> {
    const { address, transport, cookie } = asked;
    const hits = this.hits;
    await this.check(bytesOf(name, asked, this.access.shared.cookieSecret), { address, port: 1, transport });
    if (asked.edns !== null && this.hits > hits) this.cookies.add(cookie);
  }

  async check(message: Uint8Array, client: DnsClient): Promise<void> {
    const expected = await this.slow.handle(message, client);
    for (let time = 0; time < 2; time += 1) {
      const hot = askPacketCache(this.hot, message, this.access.admissionOf(client));
      if (hot !== undefined) {
        assert.notEqual(hot, 'silence');
        this.hits += 1;
        assert.deepEqual(Buffer.from(hot as Uint8Array).toString('hex'), Buffer.from(expected ?? []).toString('hex'));
      }
      const kept = await this.keeping.handle(message, client);
      assert.deepEqual(Buffer.from(kept ?? []).toString('hex'), Buffer.from(expected ?? []).toString('hex'));
    }
  }
}

const leasing = (records: readonly ResourceRecord[], authorities: readonly ResourceRecord[]): Resolver => ({
  resolve: async ({ name }) => ({
    rcode: 0,
    authoritative: true,
    answers: records.map((record) => ({ ...record, name })),
    authorities,
    lease: LASTING_LEASE,
  }),
});

describe('an answer of the packet cache', () => {
  it('is byte for byte what the resolvers’ answer would be, for every name, case, flag, EDNS setting, cookie and client', async () => {
    let hits = 0;
    const kinds = new Set<string>();
    const soa = { type: 'SOA', mname: 'ns.test', rname: 'r.test', serial: 1, refresh: 1, retry: 1, expire: 1 } as const;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(wireName, plainName),
        fc.array(query, { minLength: 2, maxLength: 8 }),
        fc.option(address),
        fc.boolean(),
        async (name, queries, found, recursionAvailable) => {
          const records = found === null ? [] : [{ ...found, name: '', ttl: 60 }];
          const authorities = found === null ? [{ ...soa, name: 'test', ttl: 5, minimum: 5 }] : [];
          const comparison = new Comparison(leasing(records, authorities), recursionAvailable);
          for (const asked of queries) await comparison.ask(name, asked);
          hits += comparison.hits;
          for (const kind of comparison.cookies) kinds.add(kind);
        },
      ),
    );
    assert.ok(hits > 200, `only ${hits} hits`);
    for (const kind of COOKIE_KINDS) assert.ok(kinds.has(kind), `no hit with a cookie that is ${kind}`);
  });

  it('is byte for byte what an upstream’s message would become, at every size that the client can take', async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.array(query, { minLength: 2, maxLength: 8 }), async (count, queries) => {
        const answers = Array.from({ length: count }, (_, index) => ({
          ...{ name: 'www.test', type: 'A', ttl: 9, data: `192.0.2.${index}` },
        }));
        const resolver: Resolver = {
          resolve: async ({ type, class: qclass }): Promise<DnsAnswer> => {
            const reply = packet.encode({
              ...{ type: 'response', flags: packet.AUTHENTIC_DATA, questions: [{ name: 'www.test', type: 'A' }] },
              answers: answers as never,
            });
            reply.writeUInt16BE(type, 12 + 10);
            reply.writeUInt16BE(qclass, 12 + 12);
            return { message: reply, reusableUntil: Infinity };
          },
        };
        const comparison = new Comparison(resolver, true);
        const name = Buffer.from(encodeName('www.test'));
        for (const asked of queries) await comparison.ask(name, asked);
        hits += comparison.hits;
      }),
    );
    assert.ok(hits > 100, `only ${hits} hits`);
  });

  it('is never given to a message that the resolvers’ way would not accept, or that is not read to its end', async () => {
    const comparison = new Comparison(leasing([{ name: '', type: 'A', ttl: 1, address: '192.0.2.1' }], []), false);
    const bare = Buffer.from(queryBytes('www.test', { edns: {} }));
    const longest = withOptions(bare, [{ code: 10, data: Buffer.alloc(24, 1) }]);
    for (const plain of [bare, longest]) await comparison.check(plain, udpClient);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(bare, longest),
        fc.array(fc.tuple(fc.nat(longest.length - 1), fc.nat(255)), { maxLength: 3 }),
        fc.nat(longest.length),
        fc.uint8Array({ maxLength: 12 }),
        async (plain, changes, length, more) => {
          const message = Buffer.from(plain);
          for (const [at, byte] of changes) message[at] = byte;
          for (const form of [message, message.subarray(0, length), Buffer.concat([message, more])]) {
            // Errors are bounded per second.
            await comparison.clock.advance(1_000);
            await comparison.check(form, udpClient);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
