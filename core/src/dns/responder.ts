import type { DnsSettings } from '../config/settings.js';
import type { Logger } from '../contracts/logger.js';
import type { DnsAnswer, DnsClient, DnsQuery, RecordsAnswer, Resolver } from '../contracts/resolver.js';
import { JitsuError } from '../errors.js';
import type { Access, Standing } from './admission/access.js';
import { forgeableLimit } from './admission/forgeable-limit.js';
import { LOOPBACK } from './admission/client-rules.js';
import { networkKey } from '../net/networks.js';
import { failureAnswer } from './failure-answer.js';
import { isTruncated } from './wire/header.js';
import type { HotAnswers } from './packet-cache/packet-cache.js';
import { PendingQueries, type Ending } from './pending-queries.js';
import { PROOF_WANTED } from './admission/proof-wanted.js';
import { ExtendedErrorCode, Rcode } from './wire/dns-parameters.js';
import { writeAnswer } from './wire/answer-writer.js';
import { parseQuery, type ParsedMessage } from './wire/query-parser.js';
import { type ReplyTerms, writeCookieOnly, writeHeaderOnly, writeResponse } from './wire/response-writer.js';

const NOBODYS: RecordsAnswer = {
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

const NO_TERMS: ReplyTerms = {};

/** Turns a message into its reply: parses it, judges the asker, asks the resolvers in order, and writes what the first of them says; `hot` keeps what may be said again. */
export class Responder {
  private readonly pending: PendingQueries;
  private readonly recursionAvailable: boolean;
  private refusal: JitsuError | undefined;

  constructor(
    settings: DnsSettings,
    private readonly resolvers: readonly Resolver[],
    private readonly logger: Logger,
    private readonly access: Access,
    private readonly hot?: Pick<HotAnswers, 'keep'>,
  ) {
    this.pending = new PendingQueries(settings.limits.pendingQueries);
    this.recursionAvailable = settings.forwarders !== 'off';
  }

  /**
   * The reply to a message of any bytes, or `undefined` for silence: at once where no resolver has to find it out. Never
   * throws or rejects. `signal` aborts when the asker is gone.
   */
  respond(
    message: Uint8Array,
    client: DnsClient,
    signal?: AbortSignal,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const parsed = parseQuery(message, client);
    if (parsed.verdict === 'silent') return undefined;
    const standing = this.access.judge(client, cookieIn(parsed));
    // Before anything is done for it: what will not be answered need not be found out.
    const rate = this.access.admit(standing);
    this.access.refusals.addByRate(rate, client.address);
    if (rate === 'drop') return undefined;
    if (parsed.verdict === 'malformed') return writeHeaderOnly(message, parsed.rcode, this.recursionAvailable);
    if (!standing.mayAsk) this.access.refusals.add('client', client.address);
    if (parsed.verdict === 'cookie') return cookieReply(message, standing);

    const { query } = parsed;
    query.proven = standing.proven;
    if (rate === 'slip') return this.write(query, PROOF_WANTED, standing);
    if (!standing.mayAsk) return this.write(query, PROHIBITED, standing);
    if (parsed.verdict === 'rejected') return this.write(query, parsed.answer, standing);
    return this.answer(query, standing, signal);
  }

  /** From now on every query fails with this error; those that wait go on. */
  refuse(error: JitsuError): void {
    this.refusal = error;
  }

  /** Ends every wait at once, with that error. */
  abort(error: JitsuError): void {
    this.pending.abort(error);
  }

  /** Resolves when no query waits. */
  drained(): Promise<void> {
    return this.pending.empty();
  }

  /** The reply with what the resolvers say. Never throws or rejects. */
  private answer(
    query: DnsQuery,
    standing: Standing,
    signal: AbortSignal | undefined,
  ): Uint8Array | Promise<Uint8Array> {
    if (this.refusal !== undefined) return this.write(query, failureAnswer(this.refusal), standing);
    const { address } = standing;
    // On this machine, one asker often stands for many: a stub resolver, or another name server.
    const network = address === undefined || LOOPBACK.has(address) ? undefined : networkKey(address);
    const ending: Ending<DnsAnswer | undefined, Uint8Array> = {
      done: (answer) => this.write(query, answer ?? NOBODYS, standing),
      failed: (error) => {
        this.report(query, error, signal);
        return this.write(query, failureAnswer(error), standing);
      },
    };
    const reply = this.pending.wait((ends) => this.askInOrder(query, ends), ending, { network, gone: signal });
    if (typeof reply !== 'string') return reply;
    this.access.refusals.add(reply === 'all' ? 'pending' : 'pendingOfNetwork', query.client.address);
    return this.write(query, OVERLOADED, standing);
  }

  /** From one resolver on, which is asked next; at once as long as each answers at once. `undefined`: nobody's question. */
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
      // Not by instanceof: a promise of a plugin may be of another make.
      const promise = Promise.resolve(answer);
      const isLast = index === resolvers.length - 1;
      return isLast ? promise : promise.then((given) => given ?? this.askInOrder(query, signal, index + 1));
    }
    return undefined;
  }

  private write(query: DnsQuery, given: DnsAnswer, standing: Standing): Uint8Array {
    const available = this.recursionAvailable && standing.mayForward;
    const { answer, terms } = termsOf(query, given, standing);
    try {
      const reply = writeAnswer(query, answer, available, terms);
      if (reply !== undefined) {
        if (standing.limited && terms.truncated !== true && isTruncated(reply)) {
          this.access.refusals.add('shortened', query.client.address);
        }
        this.hot?.keep(query, given);
        return reply;
      }
      this.logger.error({ name: query.name, type: query.type }, 'a resolver gave a malformed message');
    } catch (error) {
      this.logger.error(
        { err: error, name: query.name, type: query.type },
        'a resolver gave records that cannot be written',
      );
    }
    return writeResponse(query, failureAnswer(undefined), available, terms);
  }

  private report({ name, type, client }: DnsQuery, error: unknown, gone?: AbortSignal): void {
    const about = { name, type, client: client.address };
    if (error instanceof JitsuError) this.logger.debug({ ...about, code: error.code }, error.message);
    else if (gone?.aborted !== true) {
      this.logger.error({ ...about, err: error }, 'a resolver failed in a way that was not foreseen');
    }
  }
}

function isPromise(answer: DnsAnswer | Promise<DnsAnswer | undefined>): answer is Promise<DnsAnswer | undefined> {
  return 'then' in answer;
}

function cookieIn(parsed: Exclude<ParsedMessage, { verdict: 'silent' }>): Uint8Array | undefined {
  if (parsed.verdict === 'malformed') return undefined;
  return parsed.verdict === 'cookie' ? parsed.cookie : parsed.query.edns?.cookie;
}

/** RFC 7873, 5.4. */
function cookieReply(message: Uint8Array, { mayAsk, badCookie, cookie }: Standing): Uint8Array {
  if (!mayAsk || cookie === undefined) return writeHeaderOnly(message, Rcode.Refused, false);
  return writeCookieOnly(message, badCookie ? Rcode.BadCookie : Rcode.NoError, cookie);
}

/**
 * How the answer goes to this asker. Who shall show that it is no forgery gets BADCOOKIE with a server cookie where it
 * knows of cookies, and comes back with that at once; everybody else gets TC, and comes back over TCP.
 */
function termsOf(
  { client, edns, message }: DnsQuery,
  answer: DnsAnswer,
  { limited, cookie }: Standing,
): { readonly answer: DnsAnswer; readonly terms: ReplyTerms } {
  const wantsProof = 'wantsProof' in answer && answer.wantsProof && client.transport === 'udp';
  if (!wantsProof && !limited && cookie === undefined) return { answer, terms: NO_TERMS };
  const terms = {
    ...(limited && { sizeLimit: forgeableLimit(message.length) }),
    ...(cookie !== undefined && { cookie }),
  };
  if (!wantsProof) return { answer, terms };
  if (edns?.cookie !== undefined) return { answer: { rcode: Rcode.BadCookie }, terms };
  return { answer, terms: { ...terms, truncated: true } };
}
