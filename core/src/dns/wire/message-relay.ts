import type { DnsQuery } from '../../contracts/resolver.js';
import { cookieOption } from './cookie-option.js';
import { HEADER_LENGTH, HeaderFlag, readFlags, readUint16 } from './header.js';
import { layoutOf, type MessageLayout } from './message-layout.js';
import { extendedErrorAmong, optBytes } from './opt-record.js';
import { questionBytes, sameQuestion } from './question.js';
import { sameSet } from './record-walk.js';
import type { ReplyTerms } from './reply-terms.js';
import { responseLimit } from './response-limit.js';
import { echoedFlags } from './response-writer.js';

const NOTHING = new Uint8Array();
const OPT_LENGTH = 11;

/** What is passed on of somebody else's flags: AA, AD and the rcode. */
const RELAYED_FLAGS = HeaderFlag.Authoritative | HeaderFlag.AuthenticData | 0x0f;

/**
 * Somebody else's response made ours: the asker's id, question bytes, RD and CD, our RA, our OPT record where the asker
 * sent one (with an Extended DNS Error that the other gave), and no more RRsets than the asker can take.
 *
 * `undefined` for a message that is malformed or answers another question.
 */
export function relayMessage(
  query: DnsQuery,
  message: Uint8Array,
  recursionAvailable: boolean,
  terms: ReplyTerms = {},
): Uint8Array | undefined {
  const layout = layoutOf(message);
  const question = questionBytes(query.message);
  if (layout === undefined || !sameQuestion(message.subarray(HEADER_LENGTH, layout.questionEnd), question))
    return undefined;

  const extendedRcode = layout.opt?.extendedRcode ?? 0;
  const limit = responseLimit(query, terms);
  const cookie = terms.cookie === undefined ? NOTHING : cookieOption(terms.cookie);
  const error = extendedErrorAmong(layout.opt?.options ?? NOTHING) ?? NOTHING;
  const withError = layout.questionEnd + OPT_LENGTH + cookie.length + error.length <= limit;
  const options = Buffer.concat([cookie, withError ? error : NOTHING]);
  const opt = query.edns === undefined ? NOTHING : optBytes(query.edns.dnssecOk, extendedRcode, options);
  const kept = countThatFits(message, layout, limit - opt.length);
  const end = layout.records[kept - 1]?.end ?? layout.questionEnd;

  // Names in the records may point into the question, which therefore stays where it is.
  const response = Buffer.concat([message.subarray(0, end), opt]);
  response.set(question, HEADER_LENGTH);
  const { answerCount, authorityCount } = layout;
  const truncated = kept < answerCount + authorityCount ? HeaderFlag.Truncated : 0;
  const available = recursionAvailable ? HeaderFlag.RecursionAvailable : 0;
  const flags = echoedFlags(query.message) | (readFlags(message) & RELAYED_FLAGS) | truncated | available;
  const answers = Math.min(kept, answerCount);
  const authorities = Math.min(kept - answers, authorityCount);
  const additional = kept - answers - authorities + (opt.length > 0 ? 1 : 0);
  const header = [readUint16(query.message, 0), flags, 1, answers, authorities, additional];
  header.forEach((word, index) => response.writeUInt16BE(word, index * 2));
  return response;
}

function countThatFits(
  message: Uint8Array,
  { records, answerCount, authorityCount }: MessageLayout,
  room: number,
): number {
  let kept = records.length;
  while (kept > 0 && (records[kept - 1] as { end: number }).end > room) kept -= 1;
  if (kept === records.length) return kept;
  const sectionStarts = [0, answerCount, answerCount + authorityCount];
  while (kept > 0 && !sectionStarts.includes(kept)) {
    const [last, next] = [records[kept - 1], records[kept]];
    if (last === undefined || next === undefined || !sameSet(message, last, next)) break;
    kept -= 1;
  }
  return kept;
}
