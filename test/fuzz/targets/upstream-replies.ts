import assert from 'node:assert/strict';
import type { DnsAnswer, DnsQuery, Resolver } from '#core/contracts/resolver.js';
import { CachingResolver } from '#core/dns/cache/caching-resolver.js';
import { AnswerScrubber } from '#core/dns/forwarder/answer-scrubber.js';
import { Deadlines } from '#core/dns/forwarder/deadlines.js';
import { RandomSource } from '#core/dns/forwarder/random-source.js';
import { Upstream } from '#core/dns/forwarder/upstream.js';
import { UpstreamExchange } from '#core/dns/forwarder/upstream-exchange.js';
import { DnsServer } from '#core/dns/server.js';
import { endOfQuestion, readRcode } from '#core/dns/wire/header.js';
import { sectionsOf } from '#core/dns/wire/message-sections.js';
import { JitsuError } from '#core/errors.js';
import { serverContext } from '../../support/dns-admission.js';
import { DnsLog } from '../../support/dns-log.js';
import { queryBytes } from '../../support/dns-message.js';
import { DnsMutator } from '../../support/dns-mutator.js';
import { tcpClient, udpClient } from '../../support/dns-query.js';
import { dnsSettings } from '../../support/dns-settings.js';
import { anOpt, aSoa, sourceMessage } from '../../support/dns-source.js';
import { FakeUdpSockets } from '../../support/fake-udp-sockets.js';
import type { CpuMeter } from '../cpu-meter.js';
import type { FuzzStage, FuzzTarget } from '../fuzz-target.js';
import { largeReplies } from '../large-replies.js';
import { LeapingClock } from '../leaping-clock.js';

const DAY = 86_400_000;
const LONGEST_TTL = 86_400;
const NAME = 'www.example.org';
const asked = queryBytes(NAME);
const OPT = Uint8Array.of(0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0);

/** The way of an upstream's reply: its validation, what is dropped of it, the cache, and what clients get of it. */
export const upstreamReplies: FuzzTarget = {
  name: 'upstream-replies',
  about: 'what an upstream answers, until clients have it over UDP and TCP, from the caches too',
  covers: ['/core/dist/dns/'],
  mostCpu: 1_000,
  seeds: () => [...smallReplies(), ...Object.values(largeReplies()).map(({ message }) => message)],
  mutator: (corpus, numbers) => {
    const mutator = new DnsMutator(corpus, numbers(2 ** 31));
    return () => (numbers(8) === 0 ? mutator.mutateLong() : mutator.mutate().subarray(0, 65_535));
  },
  open: () => Promise.resolve(new ReplyStage()),
};

function smallReplies(): Uint8Array[] {
  const question = { message: asked };
  const address = (name: string, data: string) => ({ name, type: 'A', ttl: 300, data });
  const alias = (name: string, data: string) => ({ name, type: 'CNAME', ttl: 100, data });
  return [
    sourceMessage(question, { answers: [address(NAME, '192.0.2.1'), address(NAME, '10.0.0.2')] }),
    sourceMessage(question, {
      answers: [alias(NAME, 'a.test'), address('a.test', '192.0.2.1')],
      additionals: [anOpt()],
    }),
    sourceMessage(question, { answers: [address(NAME, '192.0.2.1'), address('evil.test', '192.0.2.3')] }),
    sourceMessage(question, { rcode: 3, authorities: [aSoa('example.org', 60, 60)] }),
    sourceMessage(question, { authorities: [aSoa('org', 60, 60)], additionals: [anOpt({ code: 4, text: 'x' })] }),
    sourceMessage(question, { rcode: 2, additionals: [anOpt({ code: 6, text: 'bogus' })] }),
    sourceMessage(question, { rcode: 1 }),
  ];
}

export class ReplyStage implements FuzzStage {
  private readonly clock = new LeapingClock();
  private readonly log = new DnsLog();
  private readonly ways = [this.way(false), this.way(true)] as const;
  private reply: Uint8Array | undefined;

  async run(input: Uint8Array, meter: CpuMeter): Promise<void> {
    const query = queryFor(input);
    for (const { server, cache } of this.ways) {
      // What is cached of the one before has ended, in the packet cache, too.
      this.clock.time += 3 * DAY;
      cache.flush();
      const first = (input.length & 1) === 0 ? udpClient : tcpClient;
      for (const [client, later] of [
        [first, 0],
        [udpClient, 1_000],
        [tcpClient, 0],
        [udpClient, 1_000],
        [udpClient, DAY],
      ] as const) {
        this.clock.time += later;
        // A day later the upstream does not answer any more: what is stale may do.
        this.reply = later === DAY ? undefined : Uint8Array.from(input);
        const isCached = cache.status.entries > 0;
        const reply = await meter.packet(() => server.handle(query, client));
        check(query, reply, client === udpClient ? 1_232 : 65_535);
        if (isCached) checkCached(input, reply as Uint8Array);
      }
      assert.ok(cache.status.entries <= 1);
      cache.flush();
      assert.equal(cache.status.bytes, 0);
      assert.deepEqual(this.log.at('error'), []);
      this.log.entries.length = 0;
    }
  }

  /** Whether a client over TCP gets an answer of this reply. */
  async answers(input: Uint8Array): Promise<boolean> {
    this.clock.time += 3 * DAY;
    this.ways[0].cache.flush();
    this.reply = Uint8Array.from(input);
    const reply = await this.ways[0].server.handle(queryFor(input), tcpClient);
    return reply !== undefined && ((reply[3] ?? 0) & 0x0f) === 0 && (reply[6] !== 0 || reply[7] !== 0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const { cache } of this.ways) cache.close();
    return Promise.resolve();
  }

  private way(isGuarded: boolean): { readonly server: DnsServer; readonly cache: CachingResolver } {
    const { clock, log } = this;
    const settings = dnsSettings({
      forwarders: [],
      cache: { ...dnsSettings().cache, size: 4_194_304, stale: 2 * DAY, prefetch: true },
      rebindProtection: isGuarded ? { except: [] } : false,
    });
    const context = {
      ...{ clock, logger: log, random: new RandomSource(), deadlines: new Deadlines(clock) },
      ...{ scrubber: new AnswerScrubber(settings), timeout: 2_000, sockets: new FakeUdpSockets(), trust: undefined },
    };
    const upstream = new Upstream({ address: '127.0.0.1', port: 53, transport: 'tcp' }, context, () => undefined);
    // The stage itself is the connection: it gives the reply.
    upstream.streams.send = () => undefined;
    const cache = new CachingResolver({ resolve: (query) => this.ask(query, upstream) }, settings, clock);
    const server = new DnsServer(settings, [cache as Resolver], serverContext({ clock, logger: log }, settings));
    return { server, cache };
  }

  private ask(query: DnsQuery, upstream: Upstream): Promise<DnsAnswer | undefined> {
    return new Promise((resolve, reject) => {
      let isAnswered = false;
      const failed = (reason: Error): void => reject(new JitsuError('JITSU_FORWARD_FAILED', reason.message));
      const exchange = new UpstreamExchange(query, upstream, {
        onAnswer: (answer) => {
          isAnswered = true;
          resolve(answer);
        },
        onFailure: (reason) => {
          isAnswered = true;
          failed(reason);
        },
      });
      exchange.start();
      // Asked again without EDNS, it says the same.
      for (let time = 0; time < 2; time++) {
        if (this.reply !== undefined && !isAnswered) exchange.onMessage(Uint8Array.from(this.reply));
      }
      if (isAnswered) return;
      // It was no reply to this question.
      exchange.cancel();
      failed(new Error('no answer'));
    });
  }
}

/** A query with the question of the reply, or another one where it has none. */
function queryFor(reply: Uint8Array): Uint8Array {
  const end = reply.length < 12 ? undefined : endOfQuestion(reply);
  const question = end === undefined ? asked.subarray(12) : reply.subarray(12, end);
  const flags = reply[3] ?? 0;
  // AD and CD of the reply are the client's, too.
  return Buffer.concat([Uint8Array.of(0xab, 0xcd, 1, flags & 0x30, 0, 1, 0, 0, 0, 0, 0, 1), question, OPT]);
}

/** Only what is well-formed is kept, and its TTLs are bounded. */
function checkCached(input: Uint8Array, reply: Uint8Array): void {
  // A failure is cached, too: that no upstream has answered.
  assert.ok(sectionsOf(input) !== undefined || readRcode(reply) === 2, 'a malformed message was kept');
  for (const { typeAt } of sectionsOf(reply)?.records ?? []) {
    const ttl = Buffer.from(reply.buffer, reply.byteOffset).readUInt32BE(typeAt + 4);
    assert.ok(ttl <= LONGEST_TTL, `TTL ${ttl}`);
  }
}

function check(query: Uint8Array, reply: Uint8Array | undefined, limit: number): void {
  assert.ok(reply !== undefined, 'a query got no reply');
  assert.deepEqual([reply[0], reply[1], (reply[2] ?? 0) & 0x80], [0xab, 0xcd, 0x80]);
  assert.ok(reply.length <= limit, `${reply.length} bytes`);
  if (reply[5] === 0) return;
  const sections = sectionsOf(reply);
  assert.ok(sections !== undefined, 'the reply is malformed');
  assert.equal(Buffer.compare(reply.subarray(12, sections.questionEnd), query.subarray(12, sections.questionEnd)), 0);
}
