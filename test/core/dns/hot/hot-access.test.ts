import assert from 'node:assert/strict';
import type { DnsSettings, WakeSettings } from '#core/config/settings.js';
import type { DnsClient } from '#core/contracts/resolver.js';
import { Access } from '#core/dns/clients/access.js';
import { DnsServer } from '#core/dns/dns-server.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { cookieIn, queryWithCookie } from '../../../support/dns-cookie.js';
import { DnsLog } from '../../../support/dns-log.js';
import { decodeReply, queryBytes, type Reply } from '../../../support/dns-message.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { FakeLease } from '../../../support/fake-lease.js';
import { wakeSettings } from '../../../support/wake-settings.js';

const far: DnsClient = { address: '192.0.2.1', port: 40_000, transport: 'udp' };
const near: DnsClient = { ...far, address: '127.0.0.1' };
const exempt = ['127.0.0.0/8'];
const query = queryBytes('www.test', { edns: {} });

/** A server to which a client nearby has made an answer hot. */
class Stage {
  readonly lease = new FakeLease();
  readonly access: Access;
  private readonly clock = new ManualClock(1_700_000_000_000);
  private readonly server: DnsServer;
  private asked = 0;

  private constructor(dns: Partial<DnsSettings>, wake: Partial<WakeSettings>) {
    const deps = { clock: this.clock, logger: new DnsLog() };
    const settings = dnsSettings(dns);
    this.access = new Access(settings, wakeSettings(wake), deps);
    const resolver = {
      resolve: async () => {
        this.asked += 1;
        const record = { name: 'www.test', type: 'A', ttl: 60, address: '192.0.2.9' } as const;
        return { rcode: 0, answers: [record], lease: this.lease };
      },
    };
    this.server = new DnsServer(settings, [resolver], deps, this.access);
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
  async isHotFor(client: DnsClient): Promise<boolean> {
    const before = this.asked;
    assert.equal((await this.ask(client))?.rcode, 'NOERROR');
    return this.asked === before;
  }

  /** How often a query of this client has kept alive what it asked for, without a resolver. */
  async usesBy(client: DnsClient): Promise<number> {
    const before = this.lease.uses;
    await this.ask(client);
    await this.clock.advance(1_000);
    return this.lease.uses - before;
  }
}

describe('hot answers and access', () => {
  it('refuse whom the slow way refuses, over UDP and TCP', async () => {
    const stage = await Stage.open({ allow: ['127.0.0.0/8'], deny: ['127.0.0.66/32'] });
    assert.equal(await stage.isHotFor(near), true);
    for (const transport of ['udp', 'tcp'] as const) {
      assert.equal((await stage.ask({ ...far, transport }))?.rcode, 'REFUSED');
      assert.equal((await stage.ask({ ...near, address: '127.0.0.66', transport }))?.rcode, 'REFUSED');
    }
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
    const replies = await Promise.all(Array.from({ length: 5 }, () => stage.ask(far)));
    assert.equal(replies.filter((reply) => reply !== undefined).length, 2);
    assert.equal(stage.access.refusals.counts.rateDropped, 3);
    assert.equal(await stage.isHotFor(near), true);
  });

  it('hold nobody’s cookie', async () => {
    const stage = await Stage.open();
    const cookie = Buffer.from('0102030405060708', 'hex');
    const withCookie = await stage.ask(near, queryWithCookie('www.test', cookie));
    assert.equal(cookieIn(withCookie as Reply)?.length, 24);
    assert.equal(await stage.isHotFor(near), true);
    assert.equal(cookieIn((await stage.ask(near)) as Reply), undefined);
  });
});
