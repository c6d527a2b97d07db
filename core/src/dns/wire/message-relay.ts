import type { DnsQuery, ExtendedError, MessageAnswer } from '../../contracts/resolver.js';
import { copyBytes, putUint16, readUint16 } from './bytes.js';
import { Rcode } from './dns-parameters.js';
import { echoedFlags, HEADER_LENGTH, HeaderFlag, questionBytes, readFlags, sameQuestion } from './header.js';
import {
  CheckedAnswer,
  cutsOf,
  ParsedAnswer,
  sectionsOf,
  setsOf,
  summaryOf,
  wholeSets,
  type MessageCut,
  type MessageSections,
  type MessageSummary,
  type RecordSpan,
} from './message-sections.js';
import { cookieOption, extendedErrorOption, OPT_LENGTH, UDP_PAYLOAD_SIZE, writeOpt } from './opt-record.js';
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
  const kept = keptOf(answer, summary, limit - optLength);
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

type Kept = MessageCut & { readonly behind: readonly RecordSpan[] };

/** The kept part of a message: whole RRsets up to the first that does not fit. */
function keptOf(answer: MessageAnswer, summary: MessageSummary, room: number): Kept {
  if (summary.end > room) return { ...lastCut(answer, room), behind: NONE };
  const { end, answerCount, authorityCount, additionalCount } = summary;
  const behind = summary.goesOn ? keptBehind(answer, room - end) : NONE;
  return { end, answerCount, authorityCount, additionalCount, behind };
}

function lastCut(answer: MessageAnswer, room: number): MessageCut {
  // What was found once serves all clients of this answer that ask over UDP.
  const isForUdp = answer instanceof CheckedAnswer && room <= UDP_PAYLOAD_SIZE;
  const cuts = isForUdp ? answer.cuts : cutsWithin(answer.message, sectionsIn(answer), room);
  // The question itself is a cut, which is kept even where it does not fit.
  return cuts.findLast(({ end }) => end <= room) ?? (cuts[0] as MessageCut);
}

function cutsWithin(message: Uint8Array, sections: MessageSections, room: number): readonly MessageCut[] {
  return cutsOf(sections, setsOf(message, sections.records), room);
}

function keptBehind(answer: MessageAnswer, room: number): readonly RecordSpan[] {
  const { behindOpt } = sectionsIn(answer);
  let length = 0;
  const fitting = behindOpt.filter((record) => (length += record.end - record.start) <= room).length;
  if (fitting === behindOpt.length) return behindOpt;
  const wholes = wholeSets(setsOf(answer.message, behindOpt), 0, behindOpt.length);
  return behindOpt.slice(0, wholes.findLast((whole) => whole <= fitting) ?? 0);
}

/** The sections of a message that was found well-formed before. */
function sectionsIn(answer: MessageAnswer): MessageSections {
  return answer instanceof ParsedAnswer ? answer.sections : (sectionsOf(answer.message) as MessageSections);
}
