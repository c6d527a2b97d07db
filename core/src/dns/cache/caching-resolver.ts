import { setMaxListeners } from 'node:events';
import type { DnsSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsAnswer, DnsQuery, Resolver } from '../../contracts/resolver.js';
import { JitsuError, shuttingDown } from '../../errors.js';
import { isWithin } from '../wire/compressed-name.js';
import { encodeName } from '../wire/domain-name.js';
import { foldCase } from '../wire/bytes.js';
import { ParsedAnswer, sectionsOf, CheckedAnswer } from '../wire/message-sections.js';
import { cacheKey, nameIn } from './cache-key.js';
import { CachedAnswer, CachedFailure } from './cached-answer.js';
import { InFlightQuestions, type InFlightQuestion } from './in-flight.js';
import { NxdomainCuts } from './nxdomain-cuts.js';
import { SieveStore } from './sieve-store.js';
import { cacheability } from './stored-message.js';

/** The time that a client waits for a fresh answer before it gets a stale one (RFC 8767, 5). */
const CLIENT_TIMEOUT: Milliseconds = 1_800;

/** The shortest time for which a failure is cached (RFC 9520, 3.2). */
const SHORTEST_FAILURE: Milliseconds = 1_000;
const LONGEST_FAILURE: Milliseconds = 300_000;

/** The share of the queries to upstreams that may be prefetches, for which no client waits. */
const RENEWALS = 1 / 10;

/** Cache statistics since the start, without hits in the packet cache. */
export interface CacheStatus {
  /** Queries answered from the cache, cached failures included. */
  readonly hits: number;
  /** Queries for which an upstream was asked, or that joined one in flight. */
  readonly misses: number;
  /** Queries answered by an expired entry, as no upstream answered in time. */
  readonly stale: number;
  /** Entries renewed before they expired. */
  readonly prefetches: number;
  readonly entries: number;
  readonly bytes: number;
  /** The limit of `bytes`. */
  readonly size: number;
}

/** The resolver whose answers are cached. */
export interface CacheSource extends Resolver {
  /** The answer to a query that this source has asked itself, and that has come back; `undefined` for any other. */
  answerToOwn?(query: DnsQuery): DnsAnswer | undefined;
}

/**
 * Caches the answers of another resolver, the source, with at most one query in flight per question. docs/dns.md says
 * what is stored, and for how long. Must be closed.
 */
export class CachingResolver implements Resolver {
  private readonly settings: DnsSettings['cache'];
  private readonly store: SieveStore;
  private readonly cuts = new NxdomainCuts();
  private readonly inFlight = new InFlightQuestions();
  /** Aborts only when the resolver is closed: an answer for which no client waits any more is stored, too. */
  private readonly open = new AbortController();
  private readonly failureTtl: Milliseconds;
  private readonly mostRenewals: number;
  private renewals = 0;
  private readonly counts = { hits: 0, misses: 0, stale: 0, prefetches: 0 };

  constructor(
    private readonly source: CacheSource,
    { cache, limits }: Pick<DnsSettings, 'cache' | 'limits'>,
    private readonly clock: Clock,
  ) {
    this.settings = cache;
    this.store = new SieveStore(cache.size, (entry) => this.cuts.remove(entry));
    this.failureTtl = Math.min(Math.max(cache.failureTtl, SHORTEST_FAILURE), LONGEST_FAILURE);
    this.mostRenewals = Math.ceil(limits.forwardedQueries * RENEWALS);
    setMaxListeners(0, this.open.signal);
  }

  get status(): CacheStatus {
    return { ...this.counts, entries: this.store.count, bytes: this.store.bytes, size: this.settings.size };
  }

  /** Returns an answer at once, without a promise, where it is in the cache. */
  resolve(query: DnsQuery, signal: AbortSignal): DnsAnswer | undefined | Promise<DnsAnswer | undefined> {
    // A query without RD is not forwarded, and must not reveal what other clients have asked.
    if (!query.recursionDesired) return this.source.resolve(query, signal);
    const now = this.clock.now();
    const key = cacheKey(query);
    const entry = this.store.get(key);
    if (entry !== undefined && now < entry.expiresAt) {
      this.counts.hits += 1;
      if (entry instanceof CachedAnswer && now >= entry.renewedFrom) this.renew(key, query, entry, now);
      return entry.answerAt(now, query.client.transport === 'udp');
    }
    const nxdomain = this.cuts.answerAt(now, key);
    if (nxdomain !== undefined) {
      this.counts.hits += 1;
      return nxdomain;
    }
    const own = this.source.answerToOwn?.(query);
    if (own !== undefined) return own;
    const stale = entry instanceof CachedAnswer && now < entry.goneAt ? entry : undefined;
    signal.throwIfAborted();
    if (stale === undefined) {
      this.counts.misses += 1;
      return this.ask(key, query, now).outcome;
    }
    return this.freshOrStale(key, query, stale, now);
  }

  /**
   * Removes the entries of a name and of all names below it, or all entries.
   * @returns the number of entries removed
   * @throws RangeError where it is not a domain name
   */
  flush(name = '.'): number {
    const zone = Buffer.from(foldCase(encodeName(name))).toString('latin1');
    return this.store.clear((key) => isWithin(nameIn(key), zone));
  }

  /** Queries in flight fail. */
  close(): void {
    this.open.abort(shuttingDown());
  }

  private async freshOrStale(
    key: string,
    query: DnsQuery,
    stale: CachedAnswer,
    now: Milliseconds,
  ): Promise<DnsAnswer | undefined> {
    const fresh = now < stale.retryAt ? undefined : await this.askInTime(key, query, now);
    this.counts[fresh === undefined ? 'stale' : 'misses'] += 1;
    return fresh ?? stale.staleAnswerAt(this.clock.now(), query.client.transport === 'udp');
  }

  /** A fresh answer for a client to whom a stale one can be given; `undefined` if the stale one is better. */
  private async askInTime(key: string, query: DnsQuery, now: Milliseconds): Promise<DnsAnswer | undefined> {
    const question = this.ask(key, query, now);
    // It may fail after the client has stopped waiting.
    const outcome = question.outcome.catch(ignore);
    const left = question.startedAt + CLIENT_TIMEOUT - now;
    if (left <= 0) return undefined;
    const answer = await this.withinTime(left, outcome);
    return question.failed ? undefined : answer;
  }

  private async withinTime<T>(time: Milliseconds, outcome: Promise<T>): Promise<T | undefined> {
    let timer: Disposable | undefined;
    const timeout = new Promise<undefined>((resolve) => (timer = this.clock.after(time, () => resolve(undefined))));
    try {
      return await Promise.race([outcome, timeout]);
    } finally {
      timer?.[Symbol.dispose]();
    }
  }

  private renew(key: string, query: DnsQuery, entry: CachedAnswer, now: Milliseconds): void {
    if (now < entry.retryAt || this.inFlight.get(key) !== undefined) return;
    if (this.renewals >= this.mostRenewals) return;
    this.renewals += 1;
    this.counts.prefetches += 1;
    const ended = (): void => {
      this.renewals -= 1;
    };
    this.ask(key, query, now).outcome.then(ended, ended);
  }

  private ask(key: string, query: DnsQuery, now: Milliseconds): InFlightQuestion {
    const asked = this.inFlight.get(key);
    if (asked !== undefined) return asked;
    const outcome = this.askSource(query).then(
      (answer) => this.learn(key, answer, this.inFlight.end(key)),
      (error: unknown) => {
        this.inFlight.end(key);
        this.learnFailure(key, error);
        throw error;
      },
    );
    return this.inFlight.start(key, now, outcome);
  }

  private askSource(query: DnsQuery): Promise<DnsAnswer | undefined> {
    try {
      return Promise.resolve(this.source.resolve(query, this.open.signal));
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the source chose the reason
      return Promise.reject(error);
    }
  }

  private learn(
    key: string,
    answer: DnsAnswer | undefined,
    question: InFlightQuestion | undefined,
  ): DnsAnswer | undefined {
    // An answer without a message is a decision of this server, which may differ the next time.
    if (answer === undefined || !('message' in answer)) return answer;
    // With a size of 0 nothing is stored.
    if (this.settings.size === 0) return answer;
    const now = this.clock.now();
    const { message } = answer;
    const response =
      answer instanceof ParsedAnswer
        ? cacheability(key, message, answer.sections, this.settings, answer.isAuthentic, answer.names)
        : cacheability(key, message, sectionsOf(message), this.settings);
    switch (response.verdict) {
      case 'store': {
        const { stored } = response;
        const entry = new CachedAnswer(key, stored, now, this.settings);
        if (this.store.set(entry, now)) this.cuts.add(entry);
        // It goes into the packet cache only when it is asked for again.
        return new CheckedAnswer(stored.message, stored.summary, undefined, undefined, stored.cuts);
      }
      case 'pass':
        // An older entry is wrong by now.
        this.store.delete(key);
        return answer;
      case 'failure': {
        this.remember(CachedFailure.ofMessage(key, response.message, response.summary, now + this.failureTtl), now);
        break;
      }
      case 'ignore':
        this.postpone(key, now);
    }
    if (question !== undefined) question.failed = true;
    return answer;
  }

  private learnFailure(key: string, error: unknown): void {
    // Overload and shutdown are no failures of the upstreams.
    if (!(error instanceof JitsuError) || error.code !== 'JITSU_FORWARD_FAILED') return;
    const now = this.clock.now();
    this.remember(CachedFailure.ofReason(key, error.message, now + this.failureTtl), now);
  }

  private remember(failure: CachedFailure, now: Milliseconds): void {
    if (!this.postpone(failure.key, now)) this.store.set(failure, now);
  }

  /** Postpones the next prefetch of an entry that can still be served; false where there is none. */
  private postpone(key: string, now: Milliseconds): boolean {
    const entry = this.store.get(key);
    if (!(entry instanceof CachedAnswer) || now >= entry.goneAt) return false;
    entry.retryAt = now + this.failureTtl;
    return true;
  }
}

const ignore = (): undefined => undefined;
