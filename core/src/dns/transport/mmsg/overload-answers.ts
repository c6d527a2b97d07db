import type { Milliseconds } from '../../../contracts/milliseconds.js';
import type { Asker } from '../../admission/asker.js';
import { writeCutAnswer } from '../../packet-cache/cut-answer.js';
import { HotQuery } from '../../packet-cache/packet-query.js';
import { SILENCE } from '../../packet-cache/packet-reader.js';
import { Rcode } from '../../wire/dns-parameters.js';
import { writeHeaderOnly } from '../../wire/response-writer.js';

/**
 * What a thread says by itself where too much is on its way to the main thread already: SERVFAIL to those who may ask,
 * within the limit for sources that may be forged. A query that is not plain is taken for one without a cookie.
 */
export class OverloadAnswers {
  private readonly query = new HotQuery(0);

  constructor(private readonly recursionAvailable: boolean) {}

  /** Writes the answer into `out`, and gives its length or `SILENCE`. */
  answer(message: Uint8Array, length: number, out: Uint8Array, asker: Asker, now: Milliseconds): number {
    const { query, recursionAvailable } = this;
    if (!asker.mayAsk) return SILENCE;
    const isPlain = query.read(message, length);
    if (isPlain && query.cookieOptionLength !== 0) {
      asker.showCookie(message, query.cookieAt, query.cookieLength, now);
    }
    const verdict = asker.admit(now);
    if (verdict === 'slip' && isPlain) return writeCutAnswer(query, message, out, recursionAvailable, asker, now);
    if (verdict !== 'send') return SILENCE;
    const reply = writeHeaderOnly(message, Rcode.ServerFailure, recursionAvailable);
    out.set(reply);
    return reply.length;
  }
}
