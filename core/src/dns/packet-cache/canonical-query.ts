import type { DnsQuery } from '../../contracts/resolver.js';
import { foldCase } from '../wire/bytes.js';
import { HEADER_LENGTH, HeaderFlag, readFlags } from '../wire/header.js';
import { optBytes } from '../wire/opt-record.js';
import { parseQuery } from '../wire/query-parser.js';
import { questionBytes } from '../wire/question.js';

const DISTINGUISHED_FLAGS = HeaderFlag.RecursionDesired | HeaderFlag.AuthenticData | HeaderFlag.CheckingDisabled;

/**
 * The one query that stands for all which share a hot answer: the same question in lower case, with the same RD, AD, CD
 * and DO, by somebody who takes an OPT record and answers of any length.
 */
export function canonicalQuery({ message, edns, client }: DnsQuery): DnsQuery | undefined {
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt16BE(readFlags(message) & DISTINGUISHED_FLAGS, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(1, 10);
  const question = questionBytes(message);
  const name = foldCase(question.subarray(0, -4));
  const bytes = Buffer.concat([header, name, question.subarray(-4), optBytes(edns?.dnssecOk ?? false)]);
  const parsed = parseQuery(bytes, { ...client, transport: 'inject' });
  return parsed.verdict === 'accepted' ? parsed.query : undefined;
}
