import type { DnsSettings } from '../config/settings.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { DnsAnswer, DnsClient, DnsQuery, RecordsAnswer, Resolver } from '../contracts/resolver.js';
import { JitsuError } from '../errors.js';
import { networkKey, Networks, parseNetworks } from '../net/networks.js';
import type { AccessControl } from './admission/access-control.js';
import type { Admission, Verdict } from './admission/admission.js';
import { ErrorAllowance } from './admission/error-allowance.js';
import { PROOF_WANTED } from './admission/proof-answer.js';
import { detailed, failureAnswer } from './failure-answer.js';
import type { PacketCache } from './packet-cache/packet-cache.js';
import { PendingQueries, type Ending } from './pending-queries.js';
import type { MessageHandler } from './transport/udp-transport.js';
import { ExtendedErrorCode, Rcode } from './wire/dns-parameters.js';
import { resolverOf } from './resolvers/named-resolver.js';
import { HeaderFlag, isTruncated, readFlags } from './wire/header.js';
import { parsePlainQuery, parseQuery, type ParsedMessage } from './wire/query-parser.js';
import { QueryView } from './wire/query-view.js';
import type { ReplyTerms } from './wire/reply-terms.js';
import { writeAnswer, writeCookieOnly, writeHeaderOnly, writeResponse } from './wire/response-writer.js';

const NOT_AUTHORITATIVE: RecordsAnswer = {
  rcode: Rcode.Refused,
  extendedError: { code: ExtendedErrorCode.NotAuthoritative, text: 'not served here, and not forwarded' },
};

const OVERLOADED: RecordsAnswer = {
  rcode: Rcode.ServerFailure,
  extendedError: { code: ExtendedErrorCode.NotReady, text: 'too many queries are waiting: try again' },
};

const PROHIBITED: RecordsAnswer = {
  rcode: Rcode.Refused,
  extendedError: { code: ExtendedErrorCode.Prohibited, text: 'this client may not ask here' },
};

/** A client there often asks on behalf of many others: a stub resolver, or another name server. */
const LOOPBACK = new Networks(parseNetworks('loopback') ?? []);

export interface QueryHandlerContext {
  readonly access: AccessControl;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Answers before the resolvers are asked, and stores answers that may be repeated. */
  readonly packetCache?: PacketCache;
}

/**
 * The single way of a query, by any transport: reads the message, judges its client, looks into the packet cache, asks
 * the resolvers in order, and writes the first answer.
 */
export class QueryHandler {
  private readonly view: QueryView;
  private readonly pending: PendingQueries;
  private readonly recursionAvailable: boolean;
  private readonly access: AccessControl;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly packetCache: PacketCache | undefined;
  private readonly errors = new ErrorAllowance();
  /** To whom details of failures are told. */
  private readonly details: Networks;
  private refusal: JitsuError | undefined;

  constructor(
    settings: Pick<DnsSettings, 'limits' | 'forwarders' | 'details'>,
    private readonly resolvers: readonly Resolver[],
    { access, clock, logger, packetCache }: QueryHandlerContext,
  ) {
    this.pending = new PendingQueries(settings.limits.pendingQueries);
    this.recursionAvailable = settings.forwarders !== 'off';
    this.details = new Networks(settings.details);
    this.access = access;
    this.clock = clock;
    this.logger = logger;
    this.packetCache = packetCache;
    this.view = new QueryView(packetCache?.memory.seed ?? 0);
  }

  /**
   * The reply to a message of any bytes, or `undefined` for no reply: synchronous unless a resolver needs time. Never
   * throws or rejects. The message must not change afterwards, as the search for an answer may outlast the client.
   * `signal` aborts when the client is gone.
   */
  readonly handle: MessageHandler = (message, client, signal) => {
    const { view } = this;
    const admission = this.access.admissionOf(client);
    if (!view.read(message, message.length)) {
      return this.respond(parseQuery(message, client), message, client, admission, signal);
    }
    const reply = this.packetCache?.answer(view, message, admission);
    if (reply === undefined) {
      return this.respond(parsePlainQuery(message, client, view), message, client, admission, signal);
    }
    this.access.refusals.addByRate(admission.rateVerdict, client.address);
    return reply === 'silence' ? undefined : reply;
  };

  /** Answers every new query with this error from now on; pending queries go on. */
  refuse(error: JitsuError): void {
    this.refusal = error;
  }

  /** Ends every pending query at once, with that error. */
  abort(error: JitsuError): void {
    this.pending.abort(error);
  }

  /** Resolves when no query is pending. */
  drained(): Promise<void> {
    return this.pending.empty();
  }

  /** The reply to a query that the packet cache has no answer for. */
  private respond(
    parsed: ParsedMessage,
    message: Uint8Array,
    client: DnsClient,
    admission: Admission,
    signal: AbortSignal | undefined,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    if (parsed.verdict === 'silent') return undefined;
    const now = this.clock.now();
    const verdict = admission.verdict(message.length, cookieIn(parsed), now);
    // The rate limit comes first, so that no work is done for a query that gets no answer.
    const rate = admission.admit(now);
    this.access.refusals.addByRate(rate, client.address);
    if (rate === 'drop') return undefined;
    if (mayLoop(parsed, message, client) && !this.errors.take(now)) {
      this.access.refusals.add('malformed', client.address);
      return undefined;
    }
    if (parsed.verdict === 'malformed') return writeHeaderOnly(message, parsed.rcode, this.recursionAvailable);
    if (!admission.mayAsk) this.access.refusals.add('client', client.address);
    if (parsed.verdict === 'cookie') return cookieReply(message, admission, verdict);

    const { query } = parsed;
    query.proven = admission.proven;
    if (rate === 'slip') return this.write(query, PROOF_WANTED, verdict);
    if (!admission.mayAsk) return this.write(query, PROHIBITED, verdict);
    if (parsed.verdict === 'rejected') return this.write(query, parsed.answer, verdict);
    return this.answer(query, verdict, signal);
  }

  /** The reply with the resolvers' answer. Never throws or rejects. */
  private answer(query: DnsQuery, verdict: Verdict, signal: AbortSignal | undefined): Uint8Array | Promise<Uint8Array> {
    if (this.refusal !== undefined) return this.write(query, failureAnswer(this.refusal), verdict);
    const address = this.access.addressOf(query.client);
    const network = address === undefined || LOOPBACK.has(address) ? undefined : networkKey(address);
    const ending: Ending<DnsAnswer | undefined, Uint8Array> = {
      done: (answer) => this.write(query, answer ?? NOT_AUTHORITATIVE, verdict),
      failed: (error) => {
        this.report(query, error, signal);
        return this.write(query, failureAnswer(error), verdict);
      },
    };
    const reply = this.pending.wait((ends) => this.askInOrder(query, ends), ending, { network, gone: signal });
    if (typeof reply !== 'string') return reply;
    this.access.refusals.add(reply === 'all' ? 'pending' : 'pendingOfNetwork', query.client.address);
    return this.write(query, OVERLOADED, verdict);
  }

  /**
   * Asks the resolvers in order, from the given one on; synchronous as long as each answers synchronously. `undefined`:
   * no resolver answers.
   */
  private askInOrder(
    query: DnsQuery,
    signal: AbortSignal,
    first = 0,
  ): DnsAnswer | undefined | Promise<DnsAnswer | undefined> {
    const { resolvers } = this;
    for (let index = first; index < resolvers.length; index++) {
      const answer = (resolvers[index] as Resolver).resolve(query, signal);
      if (answer === undefined) continue;
      if (!isPromise(answer)) return answer;
      // Not by instanceof: a plugin's promise may be of another implementation.
      const promise = Promise.resolve(answer);
      const isLast = index === resolvers.length - 1;
      return isLast ? promise : promise.then((given) => given ?? this.askInOrder(query, signal, index + 1));
    }
    return undefined;
  }

  private write(query: DnsQuery, given: DnsAnswer, verdict: Verdict): Uint8Array {
    const available = this.recursionAvailable && verdict.mayForward;
    let terms: ReplyTerms = verdict;
    try {
      // A plugin may give anything.
      const own = forClient(query, this.disclosed(query, given), verdict);
      terms = own.terms;
      const { answer } = own;
      const reply = writeAnswer(query, this.packetCache?.keep(query, answer) ?? answer, available, terms);
      if (reply !== undefined) {
        if (terms.sizeLimit !== undefined && terms.truncated !== true && isTruncated(reply)) {
          this.access.refusals.add('shortened', query.client.address);
        }
        return reply;
      }
      this.logger.error(
        { name: query.name, type: query.type },
        `${resolverOf(given)} answered with a malformed message`,
      );
    } catch (error) {
      this.logger.error(
        { err: error, name: query.name, type: query.type },
        `${resolverOf(given)} answered with records that cannot be written`,
      );
    }
    return writeResponse(query, failureAnswer(undefined), available, terms);
  }

  /** The answer with the details of its failure, where this client may know them. */
  private disclosed(query: DnsQuery, answer: DnsAnswer): DnsAnswer {
    if (answer.extendedError?.details === undefined) return answer;
    const address = this.access.addressOf(query.client);
    // Without an address it is a query from inside.
    return address === undefined || this.details.has(address) ? detailed(answer) : answer;
  }

  private report({ name, type, client }: DnsQuery, error: unknown, gone?: AbortSignal): void {
    const about = { name, type, client: client.address };
    if (error instanceof JitsuError) {
      if (error.code === 'JITSU_FORWARD_OVERLOADED') this.access.refusals.add('forwarded', client.address);
      this.logger.debug({ ...about, code: error.code }, error.message);
    } else if (gone?.aborted !== true) {
      this.logger.error({ ...about, err: error }, 'a resolver failed in a way that was not foreseen');
    }
  }
}

function isPromise(answer: DnsAnswer | Promise<DnsAnswer | undefined>): answer is Promise<DnsAnswer | undefined> {
  return 'then' in answer;
}

/** What only responses say: a query that says it may be the answer of a broken server to a response of ours. */
const SAID_BY_RESPONSES = HeaderFlag.Authoritative | HeaderFlag.RecursionAvailable | 0x0f;

/** Whether the sender may be no client, but a service that answers responses, and errors above all. */
function mayLoop({ verdict }: ParsedMessage, message: Uint8Array, { transport }: DnsClient): boolean {
  return transport === 'udp' && (verdict === 'malformed' || (readFlags(message) & SAID_BY_RESPONSES) !== 0);
}

function cookieIn(parsed: Exclude<ParsedMessage, { verdict: 'silent' }>): Uint8Array | undefined {
  if (parsed.verdict === 'malformed') return undefined;
  return parsed.verdict === 'cookie' ? parsed.cookie : parsed.query.edns?.cookie;
}

/** The reply to a query for a server cookie alone (RFC 7873, 5.4). */
function cookieReply(message: Uint8Array, admission: Admission, { cookie }: Verdict): Uint8Array {
  if (!admission.mayAsk || cookie === undefined) return writeHeaderOnly(message, Rcode.Refused, false);
  return writeCookieOnly(message, admission.cookie === 'invalid' ? Rcode.BadCookie : Rcode.NoError, cookie);
}

/**
 * The answer for this client, and the terms of its reply. A client that has to prove its source gets BADCOOKIE with a
 * server cookie where it sent a cookie, and can ask again at once; any other client gets TC, and asks again over TCP.
 */
function forClient(
  { client, edns }: DnsQuery,
  answer: DnsAnswer,
  terms: Verdict,
): { readonly answer: DnsAnswer; readonly terms: ReplyTerms } {
  if (!('wantsProof' in answer && answer.wantsProof && client.transport === 'udp')) return { answer, terms };
  if (edns?.cookie !== undefined) return { answer: { rcode: Rcode.BadCookie }, terms };
  return { answer, terms: { ...terms, truncated: true } };
}
