import assert from 'node:assert/strict';
import type { DnsSettings, WakeSettings } from '#core/config/settings.js';
import type { DnsAnswer, DnsClient, DnsQuery, Resolver } from '#core/contracts/resolver.js';
import { AccessControl } from '#core/dns/admission/access-control.js';
import { ForwardingGate } from '#core/dns/resolvers/forwarding-gate.js';
import { PROOF_WANTED } from '#core/dns/admission/proof-answer.js';
import { QueryHandler } from '#core/dns/query-handler.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { cookieIn, queryWithCookie, rcodeOf } from '../../../support/dns-cookie.js';
import { DnsLog } from '../../../support/dns-log.js';
import { decodeReply, extendedErrorIn, queryBytes, type Reply } from '../../../support/dns-message.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { wakeSettings } from '../../../support/wake-settings.js';

const far: DnsClient = { address: '192.0.2.1', port: 40_000, transport: 'udp' };
const clientCookie = Buffer.from('0102030405060708', 'hex');
const manyAddresses: DnsAnswer = {
  rcode: 0,
  answers: Array.from({ length: 40 }, (_, index) => ({
    ...{ name: 'a.test', type: 'A', ttl: 1 },
    address: `192.0.2.${index}`,
  })),
};

class Stage {
  readonly clock = new ManualClock(1_700_000_000_000);
  readonly log = new DnsLog();
  readonly seen: DnsQuery[] = [];
  readonly access: AccessControl;
  readonly responder: QueryHandler;

  constructor(
    dns: Partial<DnsSettings> = {},
    wake: Partial<WakeSettings> = {},
    answer: DnsAnswer = { rcode: 0, answers: [{ name: 'a.test', type: 'A', ttl: 1, address: '192.0.2.9' }] },
  ) {
    const settings = dnsSettings(dns);
    this.access = new AccessControl(settings, wakeSettings(wake), { clock: this.clock, logger: this.log });
    const resolver: Resolver = {
      resolve: async (query) => {
        this.seen.push(query);
        return answer;
      },
    };
    const gate = settings.forwarders === 'off' ? [] : [new ForwardingGate(this.access, 60)];
    this.responder = new QueryHandler(settings, [...gate, resolver], {
      ...{ access: this.access, clock: this.clock, logger: this.log },
    });
  }

  async bytes(message: Uint8Array, client = far): Promise<Uint8Array> {
    const reply = await this.responder.handle(message, client);
    assert.ok(reply);
    return reply;
  }

  async ask(message: Uint8Array, client = far): Promise<Reply> {
    return decodeReply(await this.bytes(message, client));
  }

  /** A cookie of 24 bytes, as the server gives it. */
  async learn(client = far): Promise<Buffer> {
    const cookie = cookieIn(await this.ask(queryWithCookie('a.test', clientCookie), client));
    assert.ok(cookie);
    return cookie;
  }
}

describe('access', () => {
  it('is refused to clients outside the allowed networks, and to those that are denied, over UDP and TCP', async () => {
    const stage = new Stage({ allow: ['192.0.2.0/24'], deny: ['192.0.2.128/25'] });
    for (const transport of ['udp', 'tcp'] as const) {
      for (const address of ['198.51.100.1', '192.0.2.200', '2001:db8::1']) {
        const reply = await stage.ask(queryBytes('a.test', { edns: {} }), { ...far, address, transport });
        assert.equal(reply.rcode, 'REFUSED');
        assert.equal(extendedErrorIn(reply)?.code, 18);
      }
      assert.equal((await stage.ask(queryBytes('a.test'), { ...far, transport })).rcode, 'NOERROR');
    }
    assert.equal(stage.access.refusals.counts.client, 6);
    assert.equal(stage.seen.length, 2);
  });

  it('is judged by the address of a socket alone', () => {
    const { access } = new Stage();
    assert.equal(access.addressOf({ ...far, transport: 'inject' }), undefined);
    for (const transport of ['udp', 'tcp'] as const) {
      assert.deepEqual([...(access.addressOf({ ...far, transport }) ?? [])], [192, 0, 2, 1]);
    }
  });

  it('is never refused to who comes by no socket', async () => {
    const stage = new Stage({ allow: [] }, { allow: [] });
    const reply = await stage.ask(queryBytes('a.test'), { address: 'inject', port: 0, transport: 'inject' });
    assert.equal(reply.rcode, 'NOERROR');
    assert.equal(stage.seen[0]?.proven, true);
  });

  it('to other names is refused outside dns.allowForwarding, where recursion is said not to be available', async () => {
    const stage = new Stage({ forwarders: 'system', allowForwarding: ['127.0.0.0/8'] });
    const reply = await stage.ask(queryBytes('a.test', { edns: {} }));
    assert.deepEqual([reply.rcode, reply.flag_ra, extendedErrorIn(reply)?.code], ['REFUSED', false, 18]);
    const near = await stage.ask(queryBytes('a.test'), { ...far, address: '127.0.0.1' });
    assert.deepEqual([near.rcode, near.flag_ra], ['NOERROR', true]);
    assert.equal(stage.access.refusals.counts.forwarding, 1);
  });
});

describe('cookies', () => {
  it('are answered with the client’s and ours, which proves the next query', async () => {
    const stage = new Stage();
    const cookie = await stage.learn();
    assert.deepEqual([cookie.length, cookie.subarray(0, 8)], [24, clientCookie]);
    assert.equal(stage.seen[0]?.proven, false);
    const reply = await stage.ask(queryWithCookie('a.test', cookie));
    assert.equal(stage.seen[1]?.proven, true);
    assert.deepEqual(cookieIn(reply), cookie);
  });

  it('prove nothing from another address', async () => {
    const stage = new Stage();
    const cookie = await stage.learn();
    const reply = await stage.ask(queryWithCookie('a.test', cookie), { ...far, address: '192.0.2.2' });
    assert.equal(stage.seen[1]?.proven, false);
    assert.notDeepEqual(cookieIn(reply), cookie);
  });

  it('are renewed when half an hour old, and count for nothing after an hour', async () => {
    const stage = new Stage();
    const cookie = await stage.learn();
    await stage.clock.advance(2_000_000);
    const renewed = cookieIn(await stage.ask(queryWithCookie('a.test', cookie)));
    assert.notDeepEqual(renewed, cookie);
    await stage.clock.advance(2_000_000);
    await stage.ask(queryWithCookie('a.test', cookie));
    await stage.ask(queryWithCookie('a.test', renewed as Buffer));
    assert.deepEqual(
      stage.seen.map(({ proven }) => proven),
      [false, true, false, true],
    );
  });

  it('that are malformed get FORMERR', async () => {
    const stage = new Stage();
    for (const length of [0, 1, 7, 9, 15, 41, 64]) {
      assert.equal((await stage.ask(queryWithCookie('a.test', Buffer.alloc(length)))).rcode, 'FORMERR', `${length}`);
    }
    for (const length of [8, 16, 24, 40]) {
      assert.equal((await stage.ask(queryWithCookie('a.test', Buffer.alloc(length)))).rcode, 'NOERROR', `${length}`);
    }
  });

  it('are given to who asks for nothing else, and a wrong one gets BADCOOKIE (RFC 7873, 5.4)', async () => {
    const stage = new Stage();
    const cookie = cookieIn(await stage.ask(queryWithCookie(undefined, clientCookie)));
    assert.equal(cookie?.length, 24);
    const good = await stage.bytes(queryWithCookie(undefined, cookie));
    assert.equal(rcodeOf(good, decodeReply(good)), 0);
    const bad = await stage.bytes(queryWithCookie(undefined, Buffer.alloc(24)));
    assert.equal(rcodeOf(bad, decodeReply(bad)), 23);
    assert.equal(stage.seen.length, 0);
  });

  it('are given to nobody outside dns.allow, who asks for nothing else either', async () => {
    const stage = new Stage({ deny: ['192.0.2.0/24'] });
    for (const cookie of [clientCookie, Buffer.alloc(24)]) {
      const bytes = await stage.bytes(queryWithCookie(undefined, cookie));
      const reply = decodeReply(bytes);
      assert.deepEqual([bytes.length, reply.rcode, cookieIn(reply)], [12, 'REFUSED', undefined]);
    }
    assert.equal(stage.access.refusals.counts.client, 2);
  });

  it('go with answers of others, too', async () => {
    const response = Buffer.from(queryBytes('a.test', { edns: {} }));
    response.writeUInt16BE(0x8180, 2);
    const stage = new Stage({}, {}, { message: response });
    assert.equal((await stage.learn()).length, 24);
  });
});

describe('a proof that is wanted', () => {
  const wanting = new Stage({}, {}, PROOF_WANTED);

  it('is asked for by TC and no records where the client knows of no cookies', async () => {
    for (const edns of [undefined, {}]) {
      const reply = await wanting.ask(queryBytes('a.test', { edns }));
      assert.deepEqual([reply.rcode, reply.flag_tc, reply.flag_aa, reply.answers], ['NOERROR', true, true, []]);
    }
  });

  it('is asked for by BADCOOKIE and a server cookie where it does', async () => {
    const bytes = await wanting.bytes(queryWithCookie('a.test', clientCookie));
    const reply = decodeReply(bytes);
    assert.deepEqual([rcodeOf(bytes, reply), reply.flag_tc, cookieIn(reply)?.length], [23, false, 24]);
  });
});

describe('the limits for sources that may be forged', () => {
  const rateLimit = { perSecond: 3, slip: 2, exempt: ['127.0.0.0/8'] };
  const unlimited = { perSecond: 0, slip: 2, exempt: [] };
  const outcomes = async (stage: Stage, message: Uint8Array, client = far): Promise<string[]> => {
    const found: string[] = [];
    for (let round = 0; round < 7; round++) {
      const reply = await stage.responder.handle(message, client);
      found.push(reply === undefined ? 'none' : decodeReply(reply).flag_tc ? 'cut' : 'whole');
    }
    return found;
  };

  it('leave what is over the rate unanswered, but for each how many-th, which is cut; and ask no resolver for it', async () => {
    const stage = new Stage({ rateLimit });
    const found = await outcomes(stage, queryBytes('a.test'));
    assert.deepEqual(found, ['whole', 'whole', 'whole', 'none', 'cut', 'none', 'cut']);
    assert.equal(stage.seen.length, 3);
    const { rateDropped, rateCut } = stage.access.refusals.counts;
    assert.deepEqual([rateDropped, rateCut], [2, 2]);
  });

  it('hold for what is malformed or refused, too', async () => {
    const malformed = queryBytes('a.test').subarray(0, 14);
    assert.equal((await outcomes(new Stage({ rateLimit }), malformed)).filter((found) => found === 'none').length, 2);
    const refusing = new Stage({ rateLimit, allow: [] });
    assert.equal((await outcomes(refusing, queryBytes('a.test'))).filter((found) => found === 'none').length, 2);
  });

  it('do not hold for valid cookies, TCP and exempt networks', async () => {
    const whole = Array<string>(7).fill('whole');
    const stage = new Stage({ rateLimit });
    assert.deepEqual(await outcomes(stage, queryBytes('a.test'), { ...far, address: '127.0.0.1' }), whole);
    assert.deepEqual(await outcomes(stage, queryBytes('a.test'), { ...far, transport: 'tcp' }), whole);
    assert.deepEqual(await outcomes(stage, queryWithCookie('a.test', await stage.learn())), whole);
  });

  it('keep responses within four times the query, or 128 bytes, and say TC for what is left out', async () => {
    const stage = new Stage({ rateLimit: unlimited }, {}, manyAddresses);
    for (const name of ['a.test', `${'long'.repeat(12)}.test`]) {
      const query = queryBytes(name, { edns: {} });
      const bytes = await stage.bytes(query);
      assert.ok(bytes.length <= Math.max(128, query.length * 4), `${bytes.length}`);
      assert.deepEqual([decodeReply(bytes).flag_tc, decodeReply(bytes).answers], [true, []]);
    }
    assert.equal((await stage.ask(queryWithCookie('a.test', await stage.learn()))).answers?.length, 40);
    assert.equal(stage.access.refusals.counts.shortened, 3);
  });

  it('shorten the text of an error rather than cut the response', async () => {
    const extendedError = { code: 14, text: 'x'.repeat(200) };
    const stage = new Stage({ rateLimit: unlimited }, {}, { rcode: 2, extendedError });
    const query = queryBytes('a.test', { edns: {} });
    const bytes = await stage.bytes(query);
    assert.ok(bytes.length <= Math.max(128, query.length * 4));
    const reply = decodeReply(bytes);
    assert.deepEqual([reply.rcode, reply.flag_tc, extendedErrorIn(reply)?.code], ['SERVFAIL', false, 14]);
  });
});

describe('refusals', () => {
  it('are told to the log in a sentence of their own', () => {
    const { access, log } = new Stage();
    const kinds = Object.keys(access.refusals.counts) as (keyof typeof access.refusals.counts)[];
    for (const kind of kinds) access.refusals.add(kind, '192.0.2.1');
    const sentences = log.entries.map(({ message }) => message);
    assert.equal(new Set(sentences).size, kinds.length);
    for (const sentence of sentences) assert.match(sentence, /^(queries|responses|connections|TCP connections) /);
  });

  it('are told to the log at a bounded rate, with how many there were', async () => {
    const stage = new Stage({ allow: [] });
    const refuse = async (times: number): Promise<void> => {
      for (let round = 0; round < times; round++) await stage.ask(queryBytes('a.test'));
    };
    await refuse(500);
    await stage.clock.advance(10_000);
    await refuse(500);
    assert.deepEqual(
      stage.log.entries.map(({ fields }) => fields),
      [
        { refused: 1, client: '192.0.2.1' },
        { refused: 500, client: '192.0.2.1' },
      ],
    );
    assert.equal(stage.access.refusals.counts.client, 1_000);
  });
});

describe('waiting queries', () => {
  it('of one network take no more than a quarter of all places, and those of this machine may take all', async () => {
    const limits = { ...dnsSettings().limits, pendingQueries: 8 };
    const clock = new ManualClock();
    const log = new DnsLog();
    const access = new AccessControl(dnsSettings(), wakeSettings(), { clock, logger: log });
    const stuck: Resolver = { resolve: () => new Promise(() => {}) };
    const responder = new QueryHandler(dnsSettings({ limits }), [stuck], { access, clock, logger: log });
    const ask = async (address: string): Promise<Uint8Array | undefined> =>
      responder.handle(queryBytes('a.test'), { ...far, address });
    const waiting = [ask('192.0.2.1'), ask('192.0.2.2')];
    assert.equal(decodeReply(await ask('192.0.2.3')).rcode, 'SERVFAIL');
    waiting.push(ask('198.51.100.1'));
    for (let round = 0; round < 5; round++) waiting.push(ask('127.0.0.1'));
    assert.equal(decodeReply(await ask('127.0.0.1')).rcode, 'SERVFAIL');
    const { pending, pendingOfNetwork } = access.refusals.counts;
    assert.deepEqual([pending, pendingOfNetwork], [1, 1]);
    responder.abort(new Error('over') as never);
    await Promise.all(waiting);
    const again = ask('192.0.2.1');
    responder.abort(new Error('over') as never);
    await again;
    assert.equal(access.refusals.counts.pendingOfNetwork, 1);
  });
});
