import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { Asker } from '../admission/asker.js';
import { HEADER_LENGTH, HeaderFlag, echoedFlags } from '../wire/header.js';
import { readUint16, putUint16, putUint32 } from '../wire/bytes.js';
import { Rcode, RecordClass } from '../wire/dns-parameters.js';
import { writeCookieOption } from './cookie-answer.js';
import { writeOpt } from '../wire/opt-record.js';
import type { HotQuery } from './packet-query.js';

/**
 * Writes what an asker over UDP gets that shall show first that it is no forgery, and gives the length: BADCOOKIE and a
 * server cookie where it knows of cookies, or else TC, as the responder writes `PROOF_WANTED`.
 */
export function writeCutAnswer(
  query: HotQuery,
  message: Uint8Array,
  out: Uint8Array,
  recursionAvailable: boolean,
  asker: Asker,
  now: Milliseconds,
): number {
  const end = HEADER_LENGTH + query.questionLength;
  const knowsCookies = query.cookieOptionLength !== 0;
  const ofInternet = readUint16(message, end - 2) === RecordClass.IN;
  const outcome = knowsCookies
    ? Rcode.BadCookie & 0x0f
    : HeaderFlag.Truncated | (ofInternet ? HeaderFlag.Authoritative : 0);
  const available = recursionAvailable && asker.mayForward ? HeaderFlag.RecursionAvailable : 0;
  putUint16(out, 0, readUint16(message, 0));
  putUint16(out, 2, echoedFlags(message) | available | outcome);
  putUint32(out, 4, 1 << 16);
  putUint32(out, 8, query.edns ? 1 : 0);
  for (let index = HEADER_LENGTH; index < end; index++) out[index] = message[index] as number;
  if (!query.edns) return end;
  const extendedRcode = knowsCookies ? Rcode.BadCookie >> 4 : 0;
  const optionsAt = writeOpt(out, end, query.dnssecOk, extendedRcode, query.cookieOptionLength);
  return knowsCookies ? writeCookieOption(out, optionsAt, message, query, asker, now) : optionsAt;
}
