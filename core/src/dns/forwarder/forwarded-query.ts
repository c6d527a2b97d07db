import { randomInt } from 'node:crypto';
import { Chain, Link } from '../../collections/chain.js';
import type { DnsAnswer, DnsClient, DnsQuery } from '../../contracts/resolver.js';
import { JitsuError } from '../../errors.js';
import { Rcode } from '../wire/dns-parameters.js';
import { parentName } from '../wire/domain-name.js';
import { readRcode } from '../wire/header.js';
import type { ParsedAnswer } from '../wire/message-sections.js';
import { checkEdns } from './edns-check.js';
import { isLocalError } from './local-error.js';
import { loopError, type LoopDetection } from './loop-detection.js';
import { FairShares, type Asker } from './fair-shares.js';
import { QuestionIndex, type Indexed } from './question-index.js';
import type { Upstream } from './upstream.js';
import { UpstreamExchange, type ExchangeListener } from './upstream-exchange.js';

/** Rcodes after which the next upstream is asked. */
const UNHELPFUL: readonly number[] = [Rcode.ServerFailure, Rcode.NotImplemented, Rcode.Refused];

/** One query in flight: asks one upstream after the other until one gives a useful answer. */
export class ForwardedQuery extends Link implements ExchangeListener, Indexed<ForwardedQuery> {
  private next = 0;
  private exchange: UpstreamExchange | undefined;
  private unhelpful: ParsedAnswer | undefined;
  private failures = '';
  /** Whether no query has left this machine. */
  private isStuck = true;
  bucket = -1;
  nextInBucket: ForwardedQuery | undefined = undefined;
  /** Who holds its place. */
  readonly asker: Asker;

  constructor(
    readonly query: DnsQuery,
    private readonly signal: AbortSignal,
    private readonly upstreams: readonly Upstream[],
    private readonly inFlight: InFlightQueries,
    private readonly loops: LoopDetection,
    private readonly resolve: (answer: DnsAnswer) => void,
    private readonly reject: (reason: Error) => void,
  ) {
    super();
    this.asker = inFlight.shares.askerOf(query.client);
  }

  start(): void {
    this.inFlight.add(this.signal, this);
    this.askNext();
  }

  onAnswer(answer: ParsedAnswer): void {
    this.isStuck = false;
    if (!UNHELPFUL.includes(readRcode(answer.message))) return this.end(answer);
    this.unhelpful ??= answer;
    this.askNext();
  }

  onSilence(): void {
    this.lookForLoop();
  }

  onEdnsDoubt(): void {
    checkEdns(this.upstreams[this.next - 1] as Upstream);
  }

  /** Looks for a loop where another query may be this one, which has come back. */
  suspect(query: DnsQuery): void {
    if (this.exchange?.isLike(query) === true) this.lookForLoop();
  }

  /** Asks the next upstream where this one has turned out to be a loop for the names of a domain. */
  leaveLoop(upstream: Upstream): void {
    if (this.upstreams[this.next - 1] !== upstream || !this.loops.isLoop(upstream, this.query.name)) return;
    this.exchange?.cancel();
    this.onFailure(loopError());
  }

  private lookForLoop(): void {
    this.loops.look(this.upstreams[this.next - 1] as Upstream, parentName(this.query.name));
  }

  onFailure(reason: Error): void {
    if (this.failures !== '') this.failures += '; ';
    this.isStuck &&= isLocalError(reason);
    this.failures += `${(this.upstreams[this.next - 1] as Upstream).text}: ${reason.message}`;
    this.askNext();
  }

  /** Ends the query at once, for this reason. */
  abort(reason: Error): void {
    this.exchange?.cancel();
    this.inFlight.delete(this.signal, this);
    this.reject(reason);
  }

  private askNext(): void {
    const upstream = this.upstreams[this.next];
    if (upstream === undefined) return this.end(this.unhelpful);
    this.next += 1;
    if (this.loops.isLoop(upstream, this.query.name)) return this.onFailure(loopError());
    if (upstream.mayReturnCase) this.inFlight.mayReturn.add(this);
    this.exchange = new UpstreamExchange(this.query, upstream, this);
    this.exchange.start();
  }

  private end(answer: ParsedAnswer | undefined): void {
    this.inFlight.delete(this.signal, this);
    if (answer !== undefined) return this.resolve(answer);
    this.inFlight.onFailure?.();
    if (this.failures === '') this.failures = 'no upstream is known but ourselves. Set one: -f ADDRESS';
    else if (this.isStuck) {
      const what = `no upstream can be reached from this machine: ${this.failures}`;
      return this.reject(new JitsuError('JITSU_FORWARD_UNREACHABLE', what));
    }
    this.reject(new JitsuError('JITSU_FORWARD_FAILED', `no upstream answered: ${this.failures}`));
  }
}

/** The queries in flight that share a signal. */
class SignalGroup extends Link {
  readonly queries = new Chain<ForwardedQuery>();

  abort(reason: Error): void {
    for (const query of this.queries.all()) query.abort(reason);
  }
}

/**
 * The queries in flight, each aborted with its signal. All queries of one signal share one listener, which lives as
 * long as the signal: a listener per query costs more than the rest of the query.
 */
export class InFlightQueries {
  readonly shares = new FairShares();
  /** Those that may come back to this server in the case of letters that was made up for them. */
  readonly mayReturn = new QuestionIndex<ForwardedQuery>(randomInt(2 ** 32));
  /** Called when no upstream has answered a query. */
  onFailure?: () => void;
  private readonly bySignal = new WeakMap<AbortSignal, SignalGroup>();
  /** The groups that are not empty. */
  private readonly groups = new Chain<SignalGroup>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Adds a query whose signal has not aborted yet. */
  add(signal: AbortSignal, query: ForwardedQuery): void {
    const group = this.bySignal.get(signal) ?? this.listenTo(signal);
    if (group.queries.size === 0) this.groups.add(group);
    group.queries.add(query);
    this.shares.take(query.asker);
    this.count += 1;
  }

  /**
   * Ends a query, for this reason, in favour of one of this client: the oldest of those who hold more than a fair share
   * of all places. Returns whether there was one.
   */
  displace(client: DnsClient, reason: Error): boolean {
    const yields = this.shares.whoYields(this.shares.askerOf(client));
    if (yields === undefined) return false;
    let found: ForwardedQuery | undefined;
    // Nearly all queries share one signal, that of the cache.
    this.groups.find(({ queries }) => (found = queries.find(({ asker }) => yields(asker))) !== undefined);
    found?.abort(reason);
    return found !== undefined;
  }

  delete(signal: AbortSignal, query: ForwardedQuery): void {
    const group = this.bySignal.get(signal);
    if (group?.queries.delete(query) !== true) return;
    this.mayReturn.delete(query);
    this.shares.giveBack(query.asker);
    this.count -= 1;
    if (group.queries.size === 0) this.groups.delete(group);
  }

  abortAll(reason: Error): void {
    for (const group of this.groups.all()) group.abort(reason);
  }

  /** Calls for each query; these may end meanwhile. */
  visit(call: (query: ForwardedQuery) => void): void {
    for (const { queries } of this.groups.all()) for (const query of queries.all()) call(query);
  }

  /** Looks for a loop where a query that comes from outside may be one of these. */
  suspect(query: DnsQuery): void {
    for (let each = this.mayReturn.alike(query.message); each !== undefined;) {
      // It may end by this.
      const next = each.nextInBucket;
      each.suspect(query);
      each = next;
    }
  }

  private listenTo(signal: AbortSignal): SignalGroup {
    const group = new SignalGroup();
    this.bySignal.set(signal, group);
    signal.addEventListener('abort', () => group.abort(signal.reason as Error));
    return group;
  }
}
