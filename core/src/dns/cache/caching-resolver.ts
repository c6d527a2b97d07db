import { setMaxListeners } from 'node:events';
import type { DnsSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsAnswer, DnsQuery, Resolver } from '../../contracts/resolver.js';
import { JitsuError, shuttingDown } from '../../errors.js';
import { encodeName } from '../wire/domain-name.js';
import { foldCase } from '../wire/bytes.js';
import { LaidOutAnswer, layoutOf, OutlinedAnswer } from '../wire/message-sections.js';
import { cacheKey, nameIn } from './cache-key.js';
import type { CacheStatus } from './cache-status.js';
import { CachedAnswer } from './cached-answer.js';
import { CachedFailure } from './cached-failure.js';
import { DeniedNames } from './denied-names.js';
import { Flights, type Flight } from './flights.js';
import { judgeMessage } from './kept-message.js';
import { isWithin } from './response-kind.js';
import { SieveStore } from './sieve-store.js';

/** How long an asker waits for news before what has expired must do (RFC 8767, 5). */
const PATIENCE: Milliseconds = 1_800;

/** RFC 9520, 3.2. */
const SHORTEST_FAILURE: Milliseconds = 1_000;
const LONGEST_FAILURE: Milliseconds = 300_000;

/** At most one in so many queries to the upstreams is one that nobody waits for. */
const RENEWALS = 1 / 10;

/**
 * Remembers what another resolver says, and asks it a question once at a time. docs/dns.md says what is kept, and for
 * how long. Must be closed.
 */
export class CachingResolver implements Resolver {
  private readonly settings: DnsSettings['cache'];
  private readonly store: SieveStore;
  private readonly denied = new DeniedNames();
  private readonly flights = new Flights<DnsAnswer | undefined>();
  /** Aborts what is on its way when this is closed, and nothing before: an answer that nobody waits for is kept, too. */
  private readonly open = new AbortController();
  private readonly failureTtl: Milliseconds;
  private readonly mostRenewals: number;
  private renewals = 0;
  private readonly counts = { hits: 0, misses: 0, stale: 0, prefetches: 0 };

  constructor(
    private readonly source: Resolver,
    { cache, limits }: Pick<DnsSettings, 'cache' | 'limits'>,
    private readonly clock: Clock,
  ) {
    this.settings = cache;
    this.store = new SieveStore(cache.size, (entry) => this.denied.remove(entry));
    this.failureTtl = Math.min(Math.max(cache.failureTtl, SHORTEST_FAILURE), LONGEST_FAILURE);
    this.mostRenewals = Math.ceil(limits.forwardedQueries * RENEWALS);
    setMaxListeners(0, this.open.signal);
  }

  get status(): CacheStatus {
    return { ...this.counts, entries: this.store.count, bytes: this.store.bytes, size: this.settings.size };
  }

  /** At once where the answer is at hand. */
  resolve(query: DnsQuery, signal: AbortSignal): DnsAnswer | undefined | Promise<DnsAnswer | undefined> {
    // Without RD nothing is asked on somebody's behalf, nor told of what others have asked.
    if (!query.recursionDesired) return this.source.resolve(query, signal);
    const now = this.clock.now();
    const key = cacheKey(query);
    const entry = this.store.get(key);
    if (entry !== undefined && now < entry.expiresAt) {
      this.counts.hits += 1;
      if (entry instanceof CachedAnswer && now >= entry.renewedFrom) this.renew(key, query, entry, now);
      return entry.answerAt(now);
    }
    const denial = this.denied.answerAt(now, key);
    if (denial !== undefined) {
      this.counts.hits += 1;
      return denial;
    }
    const stale = entry instanceof CachedAnswer && now < entry.goneAt ? entry : undefined;
    signal.throwIfAborted();
    if (stale === undefined) {
      this.counts.misses += 1;
      return this.ask(key, query, now).outcome;
    }
    return this.renewOrGiveStale(key, query, stale, now);
  }

  /** Forgets a name and all below it, or everything, and tells how many answers that were. @throws RangeError */
  flush(name = '.'): number {
    const zone = Buffer.from(foldCase(encodeName(name))).toString('latin1');
    return this.store.clear((key) => isWithin(nameIn(key), zone));
  }

  /** Gives up what is on its way. */
  close(): void {
    this.open.abort(shuttingDown());
  }

  private async renewOrGiveStale(
    key: string,
    query: DnsQuery,
    stale: CachedAnswer,
    now: Milliseconds,
  ): Promise<DnsAnswer | undefined> {
    const fresh = now < stale.retryAt ? undefined : await this.askInTime(key, query, now);
    this.counts[fresh === undefined ? 'stale' : 'misses'] += 1;
    return fresh ?? stale.staleAnswerAt(this.clock.now());
  }

  /** What comes back for somebody who has a stale answer to fall back on: nothing, if that is better. */
  private async askInTime(key: string, query: DnsQuery, now: Milliseconds): Promise<DnsAnswer | undefined> {
    const flight = this.ask(key, query, now);
    // It may fail when nobody waits for it any more.
    const outcome = flight.outcome.catch(ignore);
    const left = flight.startedAt + PATIENCE - now;
    if (left <= 0) return undefined;
    const answer = await this.withinTime(left, outcome);
    return flight.failed ? undefined : answer;
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
    if (now < entry.retryAt || this.flights.get(key) !== undefined) return;
    if (this.renewals >= this.mostRenewals) return;
    this.renewals += 1;
    this.counts.prefetches += 1;
    const ended = (): void => {
      this.renewals -= 1;
    };
    this.ask(key, query, now).outcome.then(ended, ended);
  }

  private ask(key: string, query: DnsQuery, now: Milliseconds): Flight<DnsAnswer | undefined> {
    const flying = this.flights.get(key);
    if (flying !== undefined) return flying;
    const outcome = this.askSource(query).then(
      (answer) => this.learn(key, answer, this.flights.end(key)),
      (error: unknown) => {
        this.flights.end(key);
        this.learnFailure(key, error);
        throw error;
      },
    );
    return this.flights.start(key, now, outcome);
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
    flight: Flight<DnsAnswer | undefined> | undefined,
  ): DnsAnswer | undefined {
    // What is no message is our own decision, which may be another one the next time.
    if (answer === undefined || !('message' in answer)) return answer;
    // Without room nothing is kept, whatever it says.
    if (this.settings.size === 0) return answer;
    const now = this.clock.now();
    const layout = answer instanceof LaidOutAnswer ? answer.layout : layoutOf(answer.message);
    const judgement = judgeMessage(key, answer.message, layout, this.settings);
    switch (judgement.verdict) {
      case 'kept': {
        const { kept } = judgement;
        const entry = new CachedAnswer(key, kept, now, this.settings);
        if (this.store.set(entry, now)) this.denied.add(entry);
        // Whether it is worth repeating without asking here will show when somebody asks again.
        return new OutlinedAnswer(kept.message, kept.outline);
      }
      case 'answer':
        // What was known before is wrong by now.
        this.store.delete(key);
        return answer;
      case 'failure': {
        const { message, outline } = judgement;
        this.remember(CachedFailure.ofMessage(key, message, outline, now + this.failureTtl), now);
        break;
      }
      case 'nothing':
        this.postpone(key, now);
    }
    if (flight !== undefined) flight.failed = true;
    return answer;
  }

  private learnFailure(key: string, error: unknown): void {
    // That we are too busy, or that nobody waits any more, says nothing of the upstreams.
    if (!(error instanceof JitsuError) || error.code !== 'JITSU_FORWARD_FAILED') return;
    const now = this.clock.now();
    this.remember(CachedFailure.ofReason(key, error.message, now + this.failureTtl), now);
  }

  private remember(failure: CachedFailure, now: Milliseconds): void {
    if (!this.postpone(failure.key, now)) this.store.set(failure, now);
  }

  /** Puts off the next renewal of what is kept, if that is still good for something. */
  private postpone(key: string, now: Milliseconds): boolean {
    const entry = this.store.get(key);
    if (!(entry instanceof CachedAnswer) || now >= entry.goneAt) return false;
    entry.retryAt = now + this.failureTtl;
    return true;
  }
}

const ignore = (): undefined => undefined;
