import { HEADER_LENGTH, readUint16 } from './header.js';
import { readOpt, type OptRecord } from './opt-record.js';
import { endOfQuestion } from './question.js';
import { RecordType } from './record-type.js';
import { walkRecords, type RecordSpan } from './record-walk.js';

/** Where everything lies in somebody else's response. */
export interface MessageLayout {
  readonly questionEnd: number;
  /** In order: answers, authorities, and the additional records as far as an OPT record. */
  readonly records: readonly RecordSpan[];
  readonly answerCount: number;
  readonly authorityCount: number;
  readonly opt?: OptRecord;
  /** Additional records behind the OPT record, as far as they can be moved. */
  readonly behindOpt: readonly RecordSpan[];
}

const NONE: readonly RecordSpan[] = [];

/** Finds the parts of a response with one question, in time linear in its length; `undefined` if it is malformed. */
export function layoutOf(message: Uint8Array): MessageLayout | undefined {
  if (message.length < HEADER_LENGTH || readUint16(message, 4) !== 1) return undefined;
  const questionEnd = endOfQuestion(message);
  if (questionEnd === undefined) return undefined;
  const answerCount = readUint16(message, 6);
  const authorityCount = readUint16(message, 8);
  const additionalCount = readUint16(message, 10);
  const records = walkRecords(message, questionEnd, answerCount + authorityCount + additionalCount);
  if (records === undefined) return undefined;

  const optIndex = records.findIndex(({ type }) => type === RecordType.OPT);
  const optSpan = records[optIndex];
  if (optSpan === undefined) return { questionEnd, records, answerCount, authorityCount, behindOpt: NONE };
  if (optIndex < answerCount + authorityCount || optSpan.typeAt !== optSpan.start + 1) return undefined;
  const opt = readOpt(message, optSpan.start, optSpan.end);
  if (opt === undefined) return undefined;
  if (optIndex === records.length - 1) {
    records.pop();
    return { questionEnd, records, answerCount, authorityCount, opt, behindOpt: NONE };
  }
  const behind = records.slice(optIndex + 1);
  // RFC 6891, 6.1.1: there is never more than one.
  if (behind.some(({ type }) => type === RecordType.OPT)) return undefined;
  const bound = behind.findIndex((record) => !isMovable(message, record, optSpan.start));
  const behindOpt = bound === -1 ? behind : behind.slice(0, bound);
  return { questionEnd, records: records.slice(0, optIndex), answerCount, authorityCount, opt, behindOpt };
}

/** What may follow an OPT record and holds no name that could be compressed (RFC 1035, 4.1.4; RFC 3597, 4). */
const WITHOUT_POINTERS: readonly number[] = [RecordType.A, RecordType.AAAA, RecordType.RRSIG];

/** Whether a record can be moved without breaking a pointer: its owner is all that may hold one, and that goes before. */
function isMovable(message: Uint8Array, { start, typeAt, type }: RecordSpan, before: number): boolean {
  const pointsBack = (message[typeAt - 2] ?? 0) >= 0xc0 && typeAt - 2 >= start;
  if (!WITHOUT_POINTERS.includes(type)) return false;
  return !pointsBack || (readUint16(message, typeAt - 2) & 0x3fff) < before;
}
