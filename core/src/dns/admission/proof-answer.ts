import type { RecordsAnswer } from '../../contracts/resolver.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { Admission } from './admission.js';
import { HEADER_LENGTH, HeaderFlag, echoedFlags } from '../wire/header.js';
import { readUint16, putUint16, putUint32 } from '../wire/bytes.js';
import { Rcode, RecordClass } from '../wire/dns-parameters.js';
import { writeOpt } from '../wire/opt-record.js';
import type { QueryView } from '../wire/query-view.js';

/**
 * Asks the client to prove its source. AA is set because glibc takes an empty answer with neither AA nor RA as that of
 * a server without knowledge, and does not retry over TCP.
 */
export const PROOF_WANTED: RecordsAnswer = { rcode: Rcode.NoError, authoritative: true, wantsProof: true };

/**
 * Writes the answer to a UDP client that must prove its source first, and returns its length: BADCOOKIE with a server
 * cookie where the query has a cookie, else TC; the same bytes as for {@link PROOF_WANTED}.
 */
export function writeProofAnswer(
  query: QueryView,
  message: Uint8Array,
  out: Uint8Array,
  recursionAvailable: boolean,
  admission: Admission,
  now: Milliseconds,
): number {
  const end = HEADER_LENGTH + query.questionLength;
  const knowsCookies = query.cookieOptionLength !== 0;
  const ofInternet = readUint16(message, end - 2) === RecordClass.IN;
  const outcome = knowsCookies
    ? Rcode.BadCookie & 0x0f
    : HeaderFlag.Truncated | (ofInternet ? HeaderFlag.Authoritative : 0);
  const available = recursionAvailable && admission.mayForward ? HeaderFlag.RecursionAvailable : 0;
  putUint16(out, 0, readUint16(message, 0));
  putUint16(out, 2, echoedFlags(message) | available | outcome);
  putUint32(out, 4, 1 << 16);
  putUint32(out, 8, query.edns ? 1 : 0);
  for (let index = HEADER_LENGTH; index < end; index++) out[index] = message[index] as number;
  if (!query.edns) return end;
  const extendedRcode = knowsCookies ? Rcode.BadCookie >> 4 : 0;
  const optionsAt = writeOpt(out, end, query.dnssecOk, extendedRcode, query.cookieOptionLength);
  return knowsCookies ? admission.writeCookieOption(out, optionsAt, message, query, now) : optionsAt;
}
