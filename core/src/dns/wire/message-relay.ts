import type { DnsQuery, ExtendedError, MessageAnswer } from '../../contracts/resolver.js';
import { HEADER_LENGTH, HeaderFlag, readFlags, readUint16 } from './header.js';
import { layoutOf, type MessageLayout } from './message-layout.js';
import { outlineOf, type MessageOutline } from './message-outline.js';
import { extendedErrorOption, optBytes } from './opt-record.js';
import { OutlinedAnswer } from './outlined-answer.js';
import { questionBytes, sameQuestion } from './question.js';
import { sameSet } from './record-walk.js';
import { responseLimit } from './response-limit.js';
import { echoedFlags } from './response-writer.js';

/** What is passed on of somebody else's flags: AA, AD and the rcode. */
const RELAYED_FLAGS = HeaderFlag.Authoritative | HeaderFlag.AuthenticData | 0x0f;

const NOTHING = new Uint8Array();

/**
 * Somebody else's response made ours: the asker's id, question bytes, RD and CD, our RA, our OPT record where the asker
 * sent one (with an Extended DNS Error that the other gave, and that of the answer), and no more RRsets than the asker
 * can take.
 *
 * `undefined` for a message that is malformed or answers another question.
 */
export function relayMessage(
  query: DnsQuery,
  answer: MessageAnswer,
  recursionAvailable: boolean,
): Uint8Array | undefined {
  const { message, extendedError } = answer;
  const question = questionBytes(query.message);
  const outline = answer instanceof OutlinedAnswer ? answer.outline : checkedOutline(message, question);
  if (outline === undefined) return undefined;

  const options = extendedErrors(extendedError, outline.extendedError);
  const opt = query.edns === undefined ? NOTHING : optBytes(query.edns.dnssecOk, outline.extendedRcode, options);
  const part = partThatFits(message, outline, responseLimit(query) - opt.length);

  // Names in the records may point into the question, which therefore stays where it is.
  const response = Buffer.allocUnsafe(part.end + opt.length);
  response.set(message.subarray(0, part.end));
  response.set(question, HEADER_LENGTH);
  response.set(opt, part.end);
  const { answerCount, authorityCount } = part;
  const truncated =
    answerCount + authorityCount < outline.answerCount + outline.authorityCount ? HeaderFlag.Truncated : 0;
  const available = recursionAvailable ? HeaderFlag.RecursionAvailable : 0;
  const flags = echoedFlags(query.message) | (readFlags(message) & RELAYED_FLAGS) | truncated | available;
  response.writeUInt16BE(readUint16(query.message, 0), 0);
  response.writeUInt16BE(flags, 2);
  response.writeUInt16BE(1, 4);
  response.writeUInt16BE(answerCount, 6);
  response.writeUInt16BE(authorityCount, 8);
  response.writeUInt16BE(part.additionalCount + (opt.length > 0 ? 1 : 0), 10);
  return response;
}

function checkedOutline(message: Uint8Array, question: Uint8Array): MessageOutline | undefined {
  const layout = layoutOf(message);
  if (layout === undefined || !sameQuestion(message.subarray(HEADER_LENGTH, layout.questionEnd), question))
    return undefined;
  return outlineOf(layout);
}

/** Ours goes first; beside another's it goes without its text, as two texts and a question may not fit into 512 bytes. */
function extendedErrors(ours: ExtendedError | undefined, others: Uint8Array | undefined): Uint8Array {
  if (ours === undefined) return others ?? NOTHING;
  if (others === undefined) return extendedErrorOption(ours);
  return Buffer.concat([extendedErrorOption({ code: ours.code }), others]);
}

type Part = Pick<MessageOutline, 'end' | 'answerCount' | 'authorityCount' | 'additionalCount'>;

function partThatFits(message: Uint8Array, outline: MessageOutline, room: number): Part {
  const layout = outline.end <= room ? undefined : layoutOf(message);
  if (layout === undefined) return outline;
  const kept = countThatFits(message, layout, room);
  const answerCount = Math.min(kept, layout.answerCount);
  const authorityCount = Math.min(kept - answerCount, layout.authorityCount);
  const end = layout.records[kept - 1]?.end ?? layout.questionEnd;
  return { end, answerCount, authorityCount, additionalCount: kept - answerCount - authorityCount };
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
