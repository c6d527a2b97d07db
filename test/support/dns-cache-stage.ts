import type { CacheSettings } from '#core/config/settings.js';
import type { DnsAnswer } from '#core/contracts/resolver.js';
import { CachingResolver } from '#core/dns/cache/caching-resolver.js';
import { relayMessage } from '#core/dns/wire/message-relay.js';
import { writeResponse } from '#core/dns/wire/response-writer.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { decodeReply, type QueryOptions, type Reply } from './dns-message.js';
import { aQuery } from './dns-query.js';
import { dnsSettings } from './dns-settings.js';
import { authentic, FakeSource, sourceMessage } from './dns-source.js';

type Parts = Parameters<typeof sourceMessage>[1];

/** A cache in front of a source, with a clock of its own. */
export class CacheStage implements Disposable {
  readonly clock = new ManualClock();
  readonly source = new FakeSource();
  readonly cache: CachingResolver;

  constructor(settings: Partial<CacheSettings> = {}, forwardedQueries = 100) {
    const { cache, limits } = dnsSettings();
    const wide = { ...cache, size: 1_048_576, stale: 86_400_000, ...settings };
    this.cache = new CachingResolver(this.source, { cache: wide, limits: { ...limits, forwardedQueries } }, this.clock);
  }

  /** From now on the source says this of every question. */
  say(parts: Parts): this {
    this.source.behaviour = (query) => ({ message: sourceMessage(query, parts) });
    return this;
  }

  /** From now on the source says this of every question, proven by DNSSEC. */
  prove(parts: Parts): this {
    this.source.behaviour = (query) => authentic(sourceMessage(query, parts));
    return this;
  }

  fail(error: Error): this {
    this.source.behaviour = () => Promise.reject(error);
    return this;
  }

  /** How often the source has been asked. */
  get asked(): number {
    return this.source.queries.length;
  }

  async answer(name: string, options: QueryOptions = {}, signal?: AbortSignal): Promise<DnsAnswer | undefined> {
    return this.cache.resolve(aQuery(name, options), signal ?? new AbortController().signal);
  }

  /** What an asker sees. */
  async ask(name: string, options: QueryOptions = { edns: {} }, signal?: AbortSignal): Promise<Reply> {
    const query = aQuery(name, options);
    const answer = await this.cache.resolve(query, signal ?? new AbortController().signal);
    if (answer === undefined) throw new Error('there is no answer');
    return decodeReply('message' in answer ? relayMessage(query, answer, true) : writeResponse(query, answer, true));
  }

  [Symbol.dispose](): void {
    this.cache.close();
  }
}
