import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { ExtendedError, MessageAnswer } from '../../contracts/resolver.js';
import { HEADER_LENGTH } from './header.js';
import { readUint16 } from './bytes.js';
import { extendedErrorAmong, readOpt, type OptRecord } from './opt-record.js';
import { endOfQuestion } from './question.js';
import { RecordType } from './dns-parameters.js';
import { walkRecords, type RecordSpan } from './record-walk.js';

/** Where the sections and records of another server's response lie. */
export interface MessageSections {
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
export function sectionsOf(message: Uint8Array): MessageSections | undefined {
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

/** What a relay needs to know of a response that it passes on whole. */
export interface MessageSummary {
  readonly questionEnd: number;
  /** Where the last record in front of an OPT record ends. */
  readonly end: number;
  readonly answerCount: number;
  readonly authorityCount: number;
  readonly additionalCount: number;
  /** Whether there are records behind the OPT record, too, which are not counted here. */
  readonly goesOn: boolean;
  /** The upper bits of the rcode (RFC 6891, 6.1.3). */
  readonly extendedRcode: number;
  /** The Extended DNS Error in it, as an EDNS option. */
  readonly extendedError?: Uint8Array | undefined;
}

export function summaryOf(sections: MessageSections): MessageSummary {
  const { questionEnd, records, behindOpt, answerCount, authorityCount, opt } = sections;
  const extendedError = opt && extendedErrorAmong(opt.options);
  return {
    questionEnd,
    end: records[records.length - 1]?.end ?? questionEnd,
    answerCount,
    authorityCount,
    additionalCount: records.length - answerCount - authorityCount,
    goesOn: behindOpt.length > 0,
    extendedRcode: opt?.extendedRcode ?? 0,
    extendedError,
  };
}

/** A message that was found well-formed, and to answer the question, before: it is passed on without another look. */
export class CheckedAnswer implements MessageAnswer {
  declare readonly reusableUntil?: Milliseconds;
  declare readonly extendedError?: ExtendedError;

  constructor(
    readonly message: Uint8Array,
    readonly summary: MessageSummary,
    reusableUntil?: Milliseconds,
    extendedError?: ExtendedError,
  ) {
    if (reusableUntil !== undefined) this.reusableUntil = reusableUntil;
    if (extendedError !== undefined) this.extendedError = extendedError;
  }
}

/** A message that was found well-formed, and to answer the question, with all that was found. */
export class ParsedAnswer extends CheckedAnswer {
  constructor(
    message: Uint8Array,
    readonly sections: MessageSections,
  ) {
    super(message, summaryOf(sections));
  }
}
