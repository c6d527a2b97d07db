import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import type { DnsSettings, WakeSettings } from '#core/config/settings.js';
import type { DnsClient, DnsQuery } from '#core/contracts/resolver.js';
import { AccessControl, type AdmissionSecrets } from '#core/dns/admission/access-control.js';
import { SipHash } from '#core/dns/admission/sip-hash.js';
import { addressBytes } from '#core/net/address-bytes.js';
import { DnsServer } from '#core/dns/server.js';
import { QueryHandler } from '#core/dns/query-handler.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { cookieIn, cookieOfKind, queryWithCookie, type CookieKind } from '../../../support/dns-cookie.js';
import { DnsLog } from '../../../support/dns-log.js';
import { decodeReply, queryBytes, type Reply } from '../../../support/dns-message.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { FakeLease } from '../../../support/fake-lease.js';
import { wakeSettings } from '../../../support/wake-settings.js';
import { LASTING_LEASE } from '../../../support/fake-lease.js';

const far: DnsClient = { address: '192.0.2.1', port: 40_000, transport: 'udp' };
const near: DnsClient = { ...far, address: '127.0.0.1' };
const exempt = ['127.0.0.0/8'];
const query = queryBytes('www.test', { edns: {} });

/** A server to which a client nearby has made an answer hot. */
class Stage {
  readonly lease = new FakeLease();
  readonly access: AccessControl;
  private readonly clock = new ManualClock(1_700_000_000_000);
  private readonly server: DnsServer;
  private asked = 0;

  private constructor(dns: Partial<DnsSettings>, wake: Partial<WakeSettings>) {
    const deps = { clock: this.clock, logger: new DnsLog() };
    const settings = dnsSettings(dns);
    this.access = new AccessControl(settings, wakeSettings(wake), deps);
    const resolver = {
      resolve: async () => {
        this.asked += 1;
        const record = { name: 'www.test', type: 'A', ttl: 60, address: '192.0.2.9' } as const;
        return { rcode: 0, answers: [record], lease: this.lease };
      },
    };
    this.server = new DnsServer(settings, [resolver], { ...deps, access: this.access });
  }

  static async open(dns: Partial<DnsSettings> = {}, wake: Partial<WakeSettings> = {}): Promise<Stage> {
    const stage = new Stage(dns, wake);
    await stage.ask(near);
    return stage;
  }

  async ask(client: DnsClient, message = query): Promise<Reply | undefined> {
    const reply = await this.server.handle(message, client);
    return reply === undefined ? undefined : decodeReply(reply);
  }

  /** Whether an answer to this client is a hot one. */
  async isHotFor(client: DnsClient, message = query): Promise<boolean> {
    const before = this.asked;
    assert.equal((await this.ask(client, message))?.rcode, 'NOERROR');
    return this.asked === before;
  }

  /** How often a query of this client has kept alive what it asked for, without a resolver. */
  async usesBy(client: DnsClient, message = query): Promise<number> {
    const before = [this.lease.uses, this.asked];
    await this.ask(client, message);
    await this.clock.advance(1_000);
    assert.equal(this.asked, before[1]);
    return this.lease.uses - (before[0] as number);
  }

  /** A query of this client with a cookie. */
  withCookie(kind: CookieKind, { address }: DnsClient): Uint8Array {
    const { cookieSecret } = this.access.shared;
    const cookie = cookieOfKind(kind, cookieSecret, addressBytes(address) as Uint8Array, this.clock.now());
    return cookie === undefined ? query : queryWithCookie('www.test', cookie);
  }
}

const LIMITED = { perSecond: 4, slip: 2, exempt };
/** By the limit, and for its size: the answers are of two sizes, and the latter has to be cut. */
const asked = fc.record({
  name: fc.constantFrom('www.test', 'large.test'),
  cookie: fc.constantFrom<CookieKind>('none', 'client', 'fresh', 'forged'),
  address: fc.constantFrom('127.0.0.1', '192.0.2.1', '192.0.2.2', '198.51.100.1'),
  pause: fc.constantFrom(0, 0, 0, 300),
});

/** What a server says to this and that, with a packet cache or without one. */
class Conversation {
  readonly replies: string[] = [];
  readonly access: AccessControl;
  asked = 0;
  private readonly clock = new ManualClock(1_700_000_000_000);
  private readonly respond: (message: Uint8Array, client: DnsClient) => ReturnType<DnsServer['handle']>;

  constructor(areKept: boolean, secrets: AdmissionSecrets) {
    const deps = { clock: this.clock, logger: new DnsLog() };
    const settings = dnsSettings({ rateLimit: LIMITED });
    this.access = new AccessControl(settings, wakeSettings(), deps, secrets);
    const resolver = {
      resolve: async ({ name }: DnsQuery) => {
        this.asked += 1;
        const addresses = name === 'www.test' ? ['192.0.2.9'] : Array.from({ length: 20 }, () => '192.0.2.9');
        const answers = addresses.map((address) => ({ name, type: 'A', ttl: 60, address }) as const);
        return { rcode: 0, answers, lease: LASTING_LEASE };
      },
    };
    const server = new DnsServer(settings, [resolver], { ...deps, access: this.access });
    const responder = new QueryHandler(settings, [resolver], { ...deps, access: this.access });
    this.respond = (message, client) => (areKept ? server.handle(message, client) : responder.handle(message, client));
  }

  async ask({ name, cookie, address, pause }: typeof asked extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
    await this.clock.advance(pause);
    const { cookieSecret } = this.access.shared;
    const data = cookieOfKind(cookie, cookieSecret, addressBytes(address) as Uint8Array, this.clock.now());
    const message = data === undefined ? queryBytes(name, { edns: {} }) : queryWithCookie(name, data);
    const reply = await this.respond(message, { ...far, address });
    this.replies.push(reply === undefined ? 'silence' : Buffer.from(reply).toString('hex'));
  }
}

/** A secret with which these two networks share a limit, as every 65,536th pair does. */
function secretOfShared(one: string, other: string): Uint8Array {
  const secret = Buffer.alloc(16);
  for (let number = 0; ; number += 1) {
    secret.writeUInt32LE(number);
    const hash = new SipHash(secret);
    const [bucket, another] = [one, other].map((address) => {
      hash.hash(addressBytes(address) as Uint8Array, 0, 3);
      return hash.low & 0xffff;
    });
    if (bucket === another) return secret;
  }
}

describe('the packet cache and admission', () => {
  it('refuse whom the resolvers’ way would refuse, over UDP and TCP', async () => {
    const stage = await Stage.open({ allow: ['127.0.0.0/8'], deny: ['127.0.0.66/32'] });
    assert.equal(await stage.isHotFor(near), true);
    for (const transport of ['udp', 'tcp'] as const) {
      assert.equal((await stage.ask({ ...far, transport }))?.rcode, 'REFUSED');
      assert.equal((await stage.ask({ ...near, address: '127.0.0.66', transport }))?.rcode, 'REFUSED');
    }
  });

  it('of other names are given to no client outside dns.allowForwarding', async () => {
    const forwarders = { forwarders: 'system', allowForwarding: ['127.0.0.0/8'] } as const;
    const stage = await Stage.open(forwarders);
    assert.equal(await stage.isHotFor(near), true);
    for (const transport of ['udp', 'tcp'] as const) {
      assert.equal(await stage.isHotFor({ ...far, transport }), false);
      assert.equal((await stage.ask({ ...far, transport }))?.flag_ra, false);
    }
    assert.equal(await stage.isHotFor(near), true);
  });

  it('keep alive only for proven clients that may wake', async () => {
    const stage = await Stage.open({}, { trusted: exempt, deny: ['127.0.0.66/32'] });
    assert.equal(await stage.usesBy(near), 1);
    assert.equal(await stage.usesBy(far), 0);
    assert.equal(await stage.usesBy({ ...far, transport: 'tcp' }), 1);
    assert.equal(await stage.usesBy({ ...near, address: '127.0.0.66' }), 0);
  });

  it('stay within the rate of responses to sources that may be forged', async () => {
    const stage = await Stage.open({ rateLimit: { perSecond: 2, slip: 0, exempt } });
    assert.equal(await stage.isHotFor(far), true);
    const replies = await Promise.all(Array.from({ length: 4 }, () => stage.ask(far)));
    assert.equal(replies.filter((reply) => reply !== undefined).length, 1);
    assert.equal(stage.access.refusals.counts.rateDropped, 3);
    assert.equal(await stage.isHotFor(near), true);
    assert.equal(await stage.isHotFor(far, stage.withCookie('fresh', far)), true);
  });

  for (const [what, rate] of [
    ['', Buffer.alloc(16)],
    [', also of two networks that share one', secretOfShared('192.0.2.1', '198.51.100.1')],
  ] as const) {
    it(`are given, cut, left out and counted by the limits just as if there were none${what}`, async () => {
      let hot = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(asked, { minLength: 5, maxLength: 40 }), async (queries) => {
          // By secrets of their own, two networks might share a limit in one of them alone.
          const secrets = { cookies: randomBytes(16), rate };
          const [slow, fast] = [new Conversation(false, secrets), new Conversation(true, secrets)];
          for (const each of queries) await Promise.all([slow.ask(each), fast.ask(each)]);
          assert.deepEqual(fast.replies, slow.replies);
          assert.deepEqual(fast.access.refusals.counts, slow.access.refusals.counts);
          hot += slow.asked - fast.asked;
        }),
      );
      assert.ok(hot > 200, `only ${hot} hot answers`);
    });
  }

  it('keep alive for a source that may be forged only when its cookie shows that it is none', async () => {
    const stage = await Stage.open({ rateLimit: { perSecond: 100, slip: 0, exempt } });
    for (const kind of ['fresh', 'old'] as const) assert.equal(await stage.usesBy(far, stage.withCookie(kind, far)), 1);
    for (const kind of ['none', 'client', 'late', 'elsewhere', 'forged'] as const) {
      assert.equal(await stage.usesBy(far, stage.withCookie(kind, far)), 0, kind);
    }
    const barred = await Stage.open({}, { deny: ['192.0.2.0/24'] });
    assert.equal(await barred.usesBy(far, barred.withCookie('fresh', far)), 0);
  });

  it('hold nobody’s cookie but that of the client', async () => {
    const stage = await Stage.open();
    const cookie = Buffer.from('0102030405060708', 'hex');
    const message = queryWithCookie('www.test', cookie);
    const given = [far, near].map(async (client) => cookieIn((await stage.ask(client, message)) as Reply));
    const [one, other] = await Promise.all(given);
    assert.deepEqual([one?.length, other?.length], [24, 24]);
    assert.notDeepEqual(one, other);
    assert.equal(await stage.isHotFor(far, queryWithCookie('www.test', one as Buffer)), true);
    assert.equal(await stage.isHotFor(near), true);
    assert.equal(cookieIn((await stage.ask(near)) as Reply), undefined);
  });
});
