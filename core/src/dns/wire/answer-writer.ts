import type { DnsAnswer, DnsQuery } from '../../contracts/resolver.js';
import { relayMessage } from './message-relay.js';
import { type ReplyTerms, writeResponse } from './response-writer.js';

/**
 * The response to a query with a resolver's answer; `undefined` for a relayed message that is malformed or answers
 * another question.
 *
 * @throws RangeError for records that cannot be written
 */
export function writeAnswer(
  query: DnsQuery,
  answer: DnsAnswer,
  recursionAvailable: boolean,
  terms: ReplyTerms = {},
): Uint8Array | undefined {
  return 'message' in answer
    ? relayMessage(query, answer, recursionAvailable, terms)
    : writeResponse(query, answer, recursionAvailable, terms);
}
