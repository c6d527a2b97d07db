import type { DnsQuery } from '../../contracts/resolver.js';
import { HEADER_LENGTH, HeaderFlag, readFlags, readUint16 } from './header.js';
import { layoutOf, type MessageLayout } from './message-layout.js';
import { extendedErrorAmong, optBytes } from './opt-record.js';
import { questionBytes, sameQuestion } from './question.js';
import { Rcode } from './rcode.js';
import { responseLimit } from './response-limit.js';
import { echoedFlags } from './response-writer.js';
import { wholeSets } from './set-boundary.js';

/** What is passed on of somebody else's flags besides AD and the rcode. */
const RELAYED_FLAGS = HeaderFlag.Authoritative | HeaderFlag.Truncated;

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
): Uint8Array | undefined {
  const layout = layoutOf(message);
  const question = questionBytes(query.message);
  if (layout === undefined || !sameQuestion(message.subarray(HEADER_LENGTH, layout.questionEnd), question))
    return undefined;

  const extendedRcode = layout.opt?.extendedRcode ?? 0;
  const options = extendedErrorAmong(layout.opt?.options ?? new Uint8Array());
  const opt = query.edns === undefined ? new Uint8Array() : optBytes(query.edns.dnssecOk, extendedRcode, options);
  const kept = keptOf(message, layout, responseLimit(query) - opt.length);

  // Names in the records may point into the question, which therefore stays where it is.
  const behind = kept.behind.map(({ start, end }) => message.subarray(start, end));
  const response = Buffer.concat([message.subarray(0, kept.end), ...behind, opt]);
  response.set(question, HEADER_LENGTH);
  const { answers, authorities, additional } = kept;
  const truncated = answers + authorities < layout.answerCount + layout.authorityCount ? HeaderFlag.Truncated : 0;
  const available = recursionAvailable ? HeaderFlag.RecursionAvailable : 0;
  const flags = echoedFlags(query.message) | relayedFlags(query, message, extendedRcode) | truncated | available;
  const counts = [answers, authorities, additional + behind.length + (opt.length > 0 ? 1 : 0)];
  [readUint16(query.message, 0), flags, 1, ...counts].forEach((word, index) => response.writeUInt16BE(word, index * 2));
  return response;
}

function relayedFlags(query: DnsQuery, message: Uint8Array, extendedRcode: number): number {
  const flags = readFlags(message);
  // Only who shows that it understands AD gets it (RFC 6840, 5.7 and 5.8).
  const understood = query.authenticData || query.edns?.dnssecOk === true;
  const authenticData = understood ? flags & HeaderFlag.AuthenticData : 0;
  // Without OPT there is no room for the upper bits of an extended rcode, and the lower ones may say NOERROR.
  const rcode = extendedRcode > 0 && query.edns === undefined ? Rcode.ServerFailure : flags & 0x0f;
  return (flags & RELAYED_FLAGS) | authenticData | rcode;
}

/** What is kept of a message: whole RRsets, as many as fit, none behind one that does not. */
function keptOf(message: Uint8Array, layout: MessageLayout, room: number) {
  const { records, answerCount, authorityCount, behindOpt, questionEnd } = layout;
  const fitting = records.filter(({ end }) => end <= room).length;
  const keptBetween = (first: number, end: number): number =>
    wholeSets(message, records.slice(first, end), fitting - first);

  const answers = keptBetween(0, answerCount);
  const authorities = answers < answerCount ? 0 : keptBetween(answerCount, answerCount + authorityCount);
  const inFront = answers + authorities;
  const additional = inFront < answerCount + authorityCount ? 0 : keptBetween(inFront, records.length);
  const kept = inFront + additional;
  const end = records[kept - 1]?.end ?? questionEnd;
  if (kept < records.length) return { answers, authorities, additional, end, behind: [] };
  let length = end;
  const behindFitting = behindOpt.filter((record) => (length += record.end - record.start) <= room).length;
  const behind = behindOpt.slice(0, wholeSets(message, behindOpt, behindFitting));
  return { answers, authorities, additional, end, behind };
}
