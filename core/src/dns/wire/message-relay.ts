import type { DnsQuery, ExtendedError, MessageAnswer } from '../../contracts/resolver.js';
import { copyBytes, putUint16, readUint16 } from './bytes.js';
import { Rcode } from './dns-parameters.js';
import { echoedFlags, HEADER_LENGTH, HeaderFlag, questionBytes, readFlags, sameQuestion } from './header.js';
import {
  CheckedAnswer,
  sectionsOf,
  setKey,
  summaryOf,
  type MessageSummary,
  type RecordSpan,
} from './message-sections.js';
import { cookieOption, extendedErrorOption, OPT_LENGTH, writeOpt } from './opt-record.js';
import { responseLimit, type ReplyTerms } from './reply-terms.js';
import { Slab } from './slab.js';

/** The flags of an upstream's response that are relayed, besides AD and the rcode. */
const RELAYED_FLAGS = HeaderFlag.Authoritative | HeaderFlag.Truncated;

const slab = new Slab();
const NOTHING = new Uint8Array();
const NONE: readonly RecordSpan[] = [];

/**
 * Turns an upstream's response into ours: the client's id, question bytes, RD and CD, our RA, our OPT record where the
 * client sent one (with the Extended DNS Errors of the answer and of the upstream), and no more RRsets than the client
 * can take.
 *
 * `undefined` for a message that is malformed or answers another question.
 */
export function relayMessage(
  query: DnsQuery,
  answer: MessageAnswer,
  recursionAvailable: boolean,
  terms: ReplyTerms = {},
): Uint8Array | undefined {
  const { message, extendedError } = answer;
  const summary = answer instanceof CheckedAnswer ? answer.summary : checkedSummary(message, query.message);
  if (summary === undefined) return undefined;

  const { edns } = query;
  const limit = responseLimit(query, terms);
  const options = edns === undefined ? NOTHING : optionsFor(summary, extendedError, terms.cookie, limit);
  const optLength = edns === undefined ? 0 : OPT_LENGTH + options.length;
  const kept = keptOf(message, summary, limit - optLength);
  const { end, behind, answerCount, authorityCount } = kept;

  // The question stays in place, as compressed names in the records may point into it.
  let length = end;
  const response = slab.take(behind.reduce((sum, record) => sum + record.end - record.start, end + optLength));
  copyBytes(query.message, HEADER_LENGTH, summary.questionEnd, response, HEADER_LENGTH);
  copyBytes(message, summary.questionEnd, end, response, summary.questionEnd);
  for (const record of behind) {
    copyBytes(message, record.start, record.end, response, length);
    length += record.end - record.start;
  }
  if (edns !== undefined) {
    response.set(options, writeOpt(response, length, edns.dnssecOk, summary.extendedRcode, options.length));
  }
  const isCut = answerCount + authorityCount < summary.answerCount + summary.authorityCount;
  const flags =
    echoedFlags(query.message) |
    relayedFlags(query, message, summary) |
    (isCut ? HeaderFlag.Truncated : 0) |
    (recursionAvailable ? HeaderFlag.RecursionAvailable : 0);
  const additionalCount = kept.additionalCount + behind.length + (edns === undefined ? 0 : 1);
  putUint16(response, 0, readUint16(query.message, 0));
  putUint16(response, 2, flags);
  putUint16(response, 4, 1);
  putUint16(response, 6, answerCount);
  putUint16(response, 8, authorityCount);
  putUint16(response, 10, additionalCount);
  return response;
}

/** The options of our OPT record: the cookie, and the Extended DNS Errors as far as there is room. */
function optionsFor(
  summary: MessageSummary,
  extendedError: ExtendedError | undefined,
  cookieData: Uint8Array | undefined,
  limit: number,
): Uint8Array {
  const errors = extendedErrors(extendedError, summary.extendedError);
  if (cookieData === undefined && errors.length === 0) return NOTHING;
  const cookie = cookieData === undefined ? NOTHING : cookieOption(cookieData);
  const withErrors = summary.questionEnd + OPT_LENGTH + cookie.length + errors.length <= limit;
  return Buffer.concat([cookie, withErrors ? errors : NOTHING]);
}

function checkedSummary(message: Uint8Array, asked: Uint8Array): MessageSummary | undefined {
  const sections = sectionsOf(message);
  if (sections === undefined) return undefined;
  const answered = message.subarray(HEADER_LENGTH, sections.questionEnd);
  return sameQuestion(answered, questionBytes(asked)) ? summaryOf(sections) : undefined;
}

/** Ours goes first, and without its text beside another one: two texts and a question may not fit into 512 bytes. */
function extendedErrors(ours: ExtendedError | undefined, others: Uint8Array | undefined): Uint8Array {
  if (ours === undefined) return others ?? NOTHING;
  if (others === undefined) return extendedErrorOption(ours);
  return Buffer.concat([extendedErrorOption({ code: ours.code }), others]);
}

function relayedFlags(query: DnsQuery, message: Uint8Array, { extendedRcode }: MessageSummary): number {
  const flags = readFlags(message);
  // Only a client that shows that it understands AD gets it (RFC 6840, 5.7 and 5.8).
  const understood = query.authenticData || query.edns?.dnssecOk === true;
  const authenticData = understood ? flags & HeaderFlag.AuthenticData : 0;
  // Without OPT there is no room for the upper bits of an extended rcode, and the lower ones may mean NOERROR.
  const rcode = extendedRcode > 0 && query.edns === undefined ? Rcode.ServerFailure : flags & 0x0f;
  return (flags & RELAYED_FLAGS) | authenticData | rcode;
}

type Kept = Pick<MessageSummary, 'end' | 'answerCount' | 'authorityCount' | 'additionalCount'> & {
  readonly behind: readonly RecordSpan[];
};

/** The kept part of a message: whole RRsets up to the first that does not fit. */
function keptOf(message: Uint8Array, summary: MessageSummary, room: number): Kept {
  const sections = summary.end <= room && !summary.goesOn ? undefined : sectionsOf(message);
  if (sections === undefined) {
    const { end, answerCount, authorityCount, additionalCount } = summary;
    return { end, answerCount, authorityCount, additionalCount, behind: NONE };
  }
  const { records, answerCount, authorityCount, behindOpt, questionEnd } = sections;
  const fitting = records.filter(({ end }) => end <= room).length;
  const keptBetween = (first: number, end: number): number =>
    wholeSets(message, records.slice(first, end), fitting - first);

  const answers = keptBetween(0, answerCount);
  const authorities = answers < answerCount ? 0 : keptBetween(answerCount, answerCount + authorityCount);
  const inFront = answers + authorities;
  const additional = inFront < answerCount + authorityCount ? 0 : keptBetween(inFront, records.length);
  const kept = inFront + additional;
  const end = records[kept - 1]?.end ?? questionEnd;
  const counts = { answerCount: answers, authorityCount: authorities, additionalCount: additional };
  if (kept < records.length) return { ...counts, end, behind: NONE };
  let length = end;
  const behindFitting = behindOpt.filter((record) => (length += record.end - record.start) <= room).length;
  const behind = behindOpt.slice(0, wholeSets(message, behindOpt, behindFitting));
  return { ...counts, end, behind };
}

/**
 * The number of records of one section to keep where only the first `room` of them fit: the most that leave no RRset
 * incomplete (RFC 2181, 9), wherever in the section its records are.
 */
function wholeSets(message: Uint8Array, section: readonly RecordSpan[], room: number): number {
  if (room >= section.length) return section.length;
  const lastOf = new Map<string, number>();
  const keys = section.map((record) => setKey(message, record));
  for (const [index, key] of keys.entries()) lastOf.set(key, index);
  let whole = 0;
  let end = 0;
  for (let index = 0; index < room; index++) {
    end = Math.max(end, (lastOf.get(keys[index] as string) as number) + 1);
    if (end === index + 1) whole = end;
  }
  return whole;
}
