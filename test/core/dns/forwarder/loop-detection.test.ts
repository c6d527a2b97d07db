import assert from 'node:assert/strict';
import type { UpstreamSettings } from '#core/config/settings.js';
import { CachingResolver } from '#core/dns/cache/caching-resolver.js';
import { AnswerScrubber } from '#core/dns/forwarder/answer-scrubber.js';
import { Deadlines } from '#core/dns/forwarder/deadlines.js';
import { Forwarder } from '#core/dns/forwarder/forwarder.js';
import { LoopDetection } from '#core/dns/forwarder/loop-detection.js';
import { RandomSource } from '#core/dns/forwarder/random-source.js';
import { Upstream } from '#core/dns/forwarder/upstream.js';
import { DnsServer } from '#core/dns/server.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { serverContext } from '../../../support/dns-admission.js';
import { DnsLog } from '../../../support/dns-log.js';
import { decodeReply } from '../../../support/dns-message.js';
import { aQuery, udpClient } from '../../../support/dns-query.js';
import { dnsSettings } from '../../../support/dns-settings.js';
import { addressFor, FakeUpstream, replyTo, type UpstreamQuery } from '../../../support/dns-upstream.js';
import { FakeUdpSockets } from '../../../support/fake-udp-sockets.js';

const LOOP = /it asks Jitsu itself for such names, which is a loop/;
const RANDOM = /^[a-z]{20}\./i;

/** What a server does with a query before it forwards it to Jitsu; `undefined` where it does not forward it. */
type Change = (query: UpstreamQuery) => Uint8Array | undefined;

const asItIs: Change = ({ bytes }) => bytes;
const inLowerCase: Change = ({ bytes }) => bytes.map((byte) => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte));

describe('a loop of forwarders', () => {
  let clock: ManualClock;
  let log: DnsLog;
  let forwarder: Forwarder;
  let server: DnsServer;
  const upstreams: FakeUpstream[] = [];

  const start = (endpoints: readonly UpstreamSettings[]): void => {
    [clock, log] = [new ManualClock(), new DnsLog()];
    const settings = dnsSettings({ forwarders: endpoints, transport: 'dgram' });
    forwarder = new Forwarder(settings, { clock, logger: log, listening: () => [] });
    const cache = new CachingResolver(forwarder, settings, clock);
    server = new DnsServer(settings, [cache], serverContext({ clock, logger: log }, settings));
  };

  afterEach(async () => {
    forwarder.close();
    for (const upstream of upstreams.splice(0)) await upstream[Symbol.asyncDispose]();
  });

  /** One that forwards to Jitsu what it is asked for by Jitsu. */
  const looping = async (change: Change): Promise<FakeUpstream> => {
    const upstream = await FakeUpstream.start((query) => {
      const forwarded = change(query);
      const answer = async (): Promise<void> => {
        const reply = forwarded && (await server.handle(Uint8Array.from(forwarded), udpClient));
        if (reply === undefined) return;
        const { rcode } = decodeReply(reply);
        const flags = { REFUSED: 5, SERVFAIL: 2, NXDOMAIN: 3 }[rcode ?? ''] ?? 0;
        upstream.udp.send(replyTo(query, { flags }), query.from.port, query.from.address);
      };
      void answer();
      return [];
    });
    upstreams.push(upstream);
    return upstream;
  };
  const good = async (): Promise<FakeUpstream> => {
    const upstream = await FakeUpstream.start((query) => [replyTo(query, addressFor(query, '192.0.2.1'))]);
    upstreams.push(upstream);
    return upstream;
  };
  const ask = async (name: string) => {
    const reply = await server.handle(aQuery(name, { edns: {} }).message, udpClient);
    return { ...decodeReply(reply as Uint8Array), text: Buffer.from(reply as Uint8Array).toString('latin1') };
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
  };
  const untilAsked = (upstream: FakeUpstream, count: number): Promise<void> =>
    until(() => upstream.queries.length >= count);

  it('is found out by what comes back in the case that was made up, at once', async () => {
    start([(await looping(asItIs)).endpoint]);
    const { rcode, text } = await ask('no.such.name.example.test');
    assert.equal(rcode, 'SERVFAIL');
    assert.match(text, LOOP);
    assert.equal(log.at('warn').length, 1);
    assert.match(log.at('warn').join(), /asks Jitsu for the names below such\.name\.example\.test that/);
  });

  for (const [what, change] of [
    ['in another case', inLowerCase],
    ['not at all, from who waits for it already', (query) => (RANDOM.test(nameOf(query)) ? query.bytes : undefined)],
  ] as const satisfies readonly (readonly [string, Change])[]) {
    it(`is found out when no answer comes, where the question comes back ${what}`, async () => {
      const upstream = await looping(change);
      start([upstream.endpoint]);
      const answer = ask('no.such.example.test');
      await untilAsked(upstream, 1);
      await clock.advance(1_000);
      assert.match((await answer).text, LOOP);
      assert.equal(log.at('warn').length, 1, 'it is a loop, and not down');
    });
  }

  it('is known from then on, and looked for again after a minute', async () => {
    let isLooping = true;
    const upstream = await looping((query) => (isLooping ? query.bytes : undefined));
    start([upstream.endpoint]);
    await ask('first.example.test');
    assert.equal(looks(upstream), 1);
    for (const name of ['second.example.test', 'a.b.example.test']) assert.match((await ask(name)).text, LOOP);
    assert.ok(upstream.queries.every((query) => !/^(second|a\.b)\./i.test(nameOf(query))));
    await clock.advance(60_000);
    assert.match((await ask('third.example.test')).text, LOOP);
    await until(() => looks(upstream) === 2 && forwarder['loops']['probes'].size === 0);
    isLooping = false;
    await clock.advance(60_000);
    assert.match((await ask('fourth.example.test')).text, LOOP);
    await until(() => looks(upstream) === 3);
    await clock.advance(2_000);
    const answer = ask('fifth.example.test');
    await until(() => upstream.queries.some((query) => /^fifth\./i.test(nameOf(query))));
    await clock.advance(2_000);
    assert.doesNotMatch((await answer).text, LOOP);
  });

  it('leaves other domains to that upstream, and its domain to others', async () => {
    const upstream = await looping((query) => (/loop\.test$/i.test(nameOf(query)) ? query.bytes : undefined));
    start([upstream.endpoint, (await good()).endpoint]);
    for (const name of ['one.loop.test', 'two.loop.test']) assert.equal((await ask(name)).rcode, 'NOERROR');
    const { length } = upstream.queries;
    void ask('one.other.test');
    await untilAsked(upstream, length + 1);
  });

  it('is looked for when Jitsu starts, without waiting for it', async () => {
    const upstream = await looping(asItIs);
    start([upstream.endpoint]);
    forwarder.check(['example.test']);
    await until(() => log.at('warn').length > 0);
    assert.match((await ask('any.example.test')).text, LOOP);
    assert.equal(upstream.queries.length, 1);
  });

  it('is no matter of a slow answer, which is looked at once in ten seconds', async () => {
    const upstream = await FakeUpstream.start(() => []);
    upstreams.push(upstream);
    start([upstream.endpoint]);
    const answers = [ask('one.slow.test'), ask('two.slow.test')];
    await untilAsked(upstream, 2);
    await clock.advance(1_000);
    await untilAsked(upstream, 2 + 1);
    await clock.advance(1_000);
    for (const { text } of await Promise.all(answers)) assert.doesNotMatch(text, LOOP);
    assert.equal(looks(upstream), 1);
  });

  describe('where nobody forwards to us', () => {
    const detection = (address: string) => {
      const sockets = new FakeUdpSockets();
      const own = new ManualClock();
      const random = new RandomSource();
      const logger = new DnsLog();
      const deadlines = new Deadlines(own);
      const scrubber = new AnswerScrubber({ rebindProtection: false });
      const context = { clock: own, deadlines, scrubber, logger, random, timeout: 2_000, sockets, trust: undefined };
      const upstream = new Upstream({ address, port: 53 }, context, () => {});
      const loops = new LoopDetection({ clock: own, logger, random, onLoop: () => {} });
      return { loops, upstream, sockets, deadlines };
    };

    it('is not looked for: far away', () => {
      for (const address of ['9.9.9.9', '2620:fe::fe']) {
        const { loops, upstream, sockets } = detection(address);
        loops.look(upstream, 'example.test');
        assert.equal(sockets.sent.length, 0);
      }
    });

    it('is looked for: nearby, in a bounded number of domains at once', () => {
      const { loops, upstream, sockets, deadlines } = detection('10.0.0.1');
      for (let count = 0; count < 2_000; count++) loops.look(upstream, `n${count}.test`);
      assert.equal(sockets.sent.length, 16);
      assert.equal(loops['findings'].size, 1_000);
      loops.look(upstream, undefined);
      loops.look(upstream, 'a.'.repeat(125) + 'b');
      deadlines[Symbol.dispose]();
    });

    it('is nothing that a client can claim', () => {
      const { loops, upstream, deadlines } = detection('10.0.0.1');
      loops.look(upstream, 'example.test');
      assert.equal(loops.answerTo(aQuery('abcdefghijklmnopqrst.example.test')), undefined);
      assert.equal(loops.isLoop(upstream, 'www.example.test'), false);
      deadlines[Symbol.dispose]();
    });
  });
});

function nameOf({ decoded }: UpstreamQuery): string {
  return decoded.questions?.[0]?.name ?? '';
}

/** For how many names was asked that nobody else can know. */
function looks({ queries }: FakeUpstream): number {
  return new Set(queries.map((query) => nameOf(query).toLowerCase()).filter((name) => RANDOM.test(name))).size;
}
