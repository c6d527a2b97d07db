import { randomInt } from 'node:crypto';
import type { DnsQuery } from '../../contracts/resolver.js';
import { HEADER_LENGTH, HeaderFlag, readFlags } from '../wire/header.js';
import { optBytes } from '../wire/opt-record.js';
import { questionBytes } from '../wire/question.js';

const RELAYED_FLAGS = HeaderFlag.RecursionDesired | HeaderFlag.AuthenticData | HeaderFlag.CheckingDisabled;

/**
 * The query that an upstream gets: an id that cannot be guessed, the question as it was asked, RD, AD, CD and DO passed
 * on, and with `edns` an OPT record of our own.
 */
export function upstreamQuery(query: DnsQuery, edns: boolean): Uint8Array {
  const opt = edns ? optBytes(query.edns?.dnssecOk ?? false) : new Uint8Array();
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt16BE(randomInt(0x10000), 0);
  header.writeUInt16BE(readFlags(query.message) & RELAYED_FLAGS, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns ? 1 : 0, 10);
  return Buffer.concat([header, questionBytes(query.message), opt]);
}
