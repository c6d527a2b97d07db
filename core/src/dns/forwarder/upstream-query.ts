import type { DnsQuery } from '../../contracts/resolver.js';
import { Slab } from '../wire/slab.js';
import { HEADER_LENGTH, HeaderFlag } from '../wire/header.js';
import { OPT_LENGTH, writeOpt } from '../wire/opt-record.js';
import { questionEnd } from '../wire/question.js';
import { mixCase } from './question-case.js';
import type { RandomSource } from './random-source.js';

/** How a query is put to an upstream. */
export interface QueryManner {
  /** Whether it has an OPT record. */
  readonly edns: boolean;
  /** The options of that record, in wire form. */
  readonly options?: Uint8Array | undefined;
  /** Where the case of the question comes from; the asker's own where absent. */
  readonly caseFrom?: RandomSource | undefined;
}

const NO_OPTIONS = new Uint8Array();
const slab = new Slab();

/**
 * The query that an upstream gets: the question as it was asked, RD, AD, CD and DO passed on, and with EDNS an OPT record
 * of our own, whether or not the asker sent one (RFC 6891, 7: EDNS goes hop by hop). The id is 0: the transport sets it.
 */
export function upstreamQuery(query: DnsQuery, { edns, options = NO_OPTIONS, caseFrom }: QueryManner): Uint8Array {
  const end = questionEnd(query.message);
  // By hand: a query is built for every question that is forwarded.
  const bytes = slab.take(edns ? end + OPT_LENGTH + options.length : end);
  for (let index = 0; index < HEADER_LENGTH; index++) bytes[index] = 0;
  if (query.recursionDesired) bytes[2] = HeaderFlag.RecursionDesired >> 8;
  bytes[3] =
    (query.authenticData ? HeaderFlag.AuthenticData : 0) | (query.checkingDisabled ? HeaderFlag.CheckingDisabled : 0);
  bytes[5] = 1;
  for (let index = HEADER_LENGTH; index < end; index++) bytes[index] = query.message[index] as number;
  if (caseFrom !== undefined) mixCase(bytes, HEADER_LENGTH, end - 4, caseFrom);
  if (!edns) return bytes;
  bytes[11] = 1;
  bytes.set(options, writeOpt(bytes, end, query.edns?.dnssecOk === true, 0, options.length));
  return bytes;
}
