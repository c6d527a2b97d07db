import type { DnsSettings } from '../config/settings.js';
import type { Logger } from '../contracts/logger.js';
import type { DnsAnswer, DnsClient, DnsQuery, RecordsAnswer, Resolver } from '../contracts/resolver.js';
import { JitsuError } from '../errors.js';
import { failureAnswer } from './failure-answer.js';
import type { HotAnswers } from './hot/hot-answers.js';
import { PendingQueries } from './pending-queries.js';
import { ExtendedErrorCode } from './wire/extended-error-code.js';
import { writeAnswer } from './wire/answer-writer.js';
import { parseQuery } from './wire/query-parser.js';
import { Rcode } from './wire/rcode.js';
import { writeHeaderOnly, writeResponse } from './wire/response-writer.js';

const NOBODYS: RecordsAnswer = {
  rcode: Rcode.Refused,
  extendedError: { code: ExtendedErrorCode.NotAuthoritative, text: 'not served here, and not forwarded' },
};

const OVERLOADED: RecordsAnswer = {
  rcode: Rcode.ServerFailure,
  extendedError: { code: ExtendedErrorCode.NotReady, text: 'too many queries are waiting: try again' },
};

/** Turns a message into its reply: parses it, asks the resolvers in order, and writes what the first of them says; `hot` keeps what may be said again. */
export class Responder {
  private readonly pending: PendingQueries;
  private readonly recursionAvailable: boolean;
  private refusal: JitsuError | undefined;

  constructor(
    settings: DnsSettings,
    private readonly resolvers: readonly Resolver[],
    private readonly logger: Logger,
    private readonly hot?: Pick<HotAnswers, 'keep'>,
  ) {
    this.pending = new PendingQueries(settings.limits.pendingQueries);
    this.recursionAvailable = settings.forwarders !== 'off';
  }

  /**
   * The reply to a message of any bytes, or `undefined` for silence. Never rejects. `signal` aborts when the asker is
   * gone.
   */
  async respond(message: Uint8Array, client: DnsClient, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const parsed = parseQuery(message, client);
    switch (parsed.verdict) {
      case 'silent':
        return undefined;
      case 'malformed':
        return writeHeaderOnly(message, parsed.rcode, this.recursionAvailable);
      case 'rejected':
        return this.write(parsed.query, parsed.answer);
      case 'accepted':
        return this.write(parsed.query, await this.answer(parsed.query, signal));
    }
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

  private async answer(query: DnsQuery, signal?: AbortSignal): Promise<DnsAnswer> {
    if (this.refusal !== undefined) return failureAnswer(this.refusal);
    const answer = this.pending.wait((ends) => this.askInOrder(query, ends), signal);
    if (answer === undefined) return OVERLOADED;
    try {
      return await answer;
    } catch (error) {
      this.report(query, error, signal);
      return failureAnswer(error);
    }
  }

  private async askInOrder(query: DnsQuery, signal: AbortSignal): Promise<DnsAnswer> {
    for (const resolver of this.resolvers) {
      const answer = await resolver.resolve(query, signal);
      if (answer !== undefined) return answer;
    }
    return NOBODYS;
  }

  private write(query: DnsQuery, answer: DnsAnswer): Uint8Array {
    try {
      const reply = writeAnswer(query, answer, this.recursionAvailable);
      if (reply !== undefined) {
        this.hot?.keep(query, answer);
        return reply;
      }
      this.logger.error({ name: query.name, type: query.type }, 'a resolver gave a malformed message');
    } catch (error) {
      this.logger.error(
        { err: error, name: query.name, type: query.type },
        'a resolver gave records that cannot be written',
      );
    }
    return writeResponse(query, failureAnswer(undefined), this.recursionAvailable);
  }

  private report({ name, type, client }: DnsQuery, error: unknown, gone?: AbortSignal): void {
    const about = { name, type, client: client.address };
    if (error instanceof JitsuError) this.logger.debug({ ...about, code: error.code }, error.message);
    else if (gone?.aborted !== true) {
      this.logger.error({ ...about, err: error }, 'a resolver failed in a way that was not foreseen');
    }
  }
}
