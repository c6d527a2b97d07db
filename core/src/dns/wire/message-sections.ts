import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { ExtendedError, MessageAnswer } from '../../contracts/resolver.js';
import { readUint16 } from './bytes.js';
import { MessageNames, skipName } from './compressed-name.js';
import { endOfQuestion, HEADER_LENGTH } from './header.js';
import { extendedErrorAmong, readOpt, UDP_PAYLOAD_SIZE, type OptRecord } from './opt-record.js';
import { RecordType } from './dns-parameters.js';

/** The position of a record in its message. */
export interface RecordSpan {
  readonly start: number;
  /** The offset of the type, behind the owner name. */
  readonly typeAt: number;
  readonly type: number;
  readonly end: number;
}

/**
 * The records that follow one another from `offset` on, without a look into their data; `undefined` if one of them is
 * malformed or cut off. Pointers must go back, and are not followed: the cost is linear in the message's length.
 */
export function walkRecords(message: Uint8Array, offset: number, count: number): RecordSpan[] | undefined {
  const records: RecordSpan[] = [];
  let start = offset;
  for (let index = 0; index < count; index++) {
    const typeAt = skipName(message, start);
    if (typeAt === undefined || typeAt + 10 > message.length) return undefined;
    const end = typeAt + 10 + readUint16(message, typeAt + 8);
    if (end > message.length) return undefined;
    records.push({ start, typeAt, type: readUint16(message, typeAt), end });
    start = end;
  }
  return records;
}

/** The most RRsets of a message besides the first of each owner; all that follow belong to the first of their owner. */
const MOST_OTHERS = 200;

/**
 * For each of these records of a message the index, among them, of the first one of its RRset: owner, type and class
 * are equal (RFC 2181, 5). The cost is linear in the message's length.
 */
export function setsOf(
  message: Uint8Array,
  records: readonly RecordSpan[],
  names = new MessageNames(message),
): Int32Array {
  /** By owner, the index of its first record and what its kind is; all other kinds of an owner are in `others`. */
  const firsts: number[] = [];
  const kinds: number[] = [];
  const others = new Map<number, number>();
  const sets = new Int32Array(records.length);
  for (let index = 0; index < records.length; index++) {
    const record = records[index] as RecordSpan;
    // Malformed owners count as one.
    const owner = names.idAt(record.start) + 1;
    const kind = kindOf(message, record) * 2 ** 16 + readUint16(message, record.typeAt + 2);
    let first = firsts[owner];
    if (first === undefined) {
      firsts[owner] = first = index;
      kinds[owner] = kind;
    } else if (kinds[owner] !== kind && others.size < MOST_OTHERS) {
      const key = owner * 2 ** 33 + kind;
      first = others.get(key) ?? index;
      if (first === index) others.set(key, index);
    }
    sets[index] = first;
  }
  return sets;
}

/** Signatures over different types at one name form no RRset (RFC 4035, 2.2). */
function kindOf(message: Uint8Array, { typeAt, type, end }: RecordSpan): number {
  return type === RecordType.RRSIG && end >= typeAt + 12 ? 2 ** 16 + readUint16(message, typeAt + 10) : type;
}

/** A part of a message from its beginning on that leaves no RRset incomplete (RFC 2181, 9). */
export interface MessageCut {
  readonly end: number;
  readonly answerCount: number;
  readonly authorityCount: number;
  readonly additionalCount: number;
}

/**
 * The parts of a message, without an OPT record and what follows it, that are not longer than `limit`; in order.
 * @param sets the result of `setsOf` for all its records
 */
export function cutsOf(
  { records, answerCount, authorityCount, questionEnd }: MessageSections,
  sets: Int32Array,
  limit: number,
): MessageCut[] {
  const cuts: MessageCut[] = [{ end: questionEnd, answerCount: 0, authorityCount: 0, additionalCount: 0 }];
  const bounds = [0, answerCount, answerCount + authorityCount, records.length];
  for (let section = 0; section < 3; section++) {
    const start = bounds[section] as number;
    for (const kept of wholeSets(sets, start, bounds[section + 1] as number)) {
      const { end } = records[kept - 1] as RecordSpan;
      if (end > limit) return cuts;
      const answers = Math.min(kept, answerCount);
      const authorities = Math.min(kept - answers, authorityCount);
      cuts.push({
        end,
        answerCount: answers,
        authorityCount: authorities,
        additionalCount: kept - answers - authorities,
      });
    }
  }
  return cuts;
}

/**
 * Behind which records of a section no RRset of it is incomplete (RFC 2181, 9), wherever in the section its records are:
 * the indices of the records that follow them, in order.
 * @param sets the result of `setsOf`
 * @param start of the section, and `end` behind it
 */
export function wholeSets(sets: Int32Array, start: number, end: number): number[] {
  const lastOf = new Int32Array(end);
  for (let index = start; index < end; index++) lastOf[sets[index] as number] = index;
  const wholes: number[] = [];
  let last = start;
  for (let index = start; index < end; index++) {
    last = Math.max(last, lastOf[sets[index] as number] as number);
    if (last === index) wholes.push(index + 1);
  }
  return wholes;
}

/** The positions of the sections and records of an upstream's response. */
export interface MessageSections {
  readonly questionEnd: number;
  /** In order: answers, authorities, and the additional records up to an OPT record. */
  readonly records: readonly RecordSpan[];
  readonly answerCount: number;
  readonly authorityCount: number;
  readonly opt?: OptRecord;
  /** The additional records behind the OPT record that can be moved. */
  readonly behindOpt: readonly RecordSpan[];
}

const NONE: readonly RecordSpan[] = [];

/** Finds the sections of a response with one question, in time linear in its length; `undefined` if it is malformed. */
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
  // There is at most one OPT record (RFC 6891, 6.1.1).
  if (behind.some(({ type }) => type === RecordType.OPT)) return undefined;
  const bound = behind.findIndex((record) => !isMovable(message, record, optSpan.start));
  const behindOpt = bound === -1 ? behind : behind.slice(0, bound);
  return { questionEnd, records: records.slice(0, optIndex), answerCount, authorityCount, opt, behindOpt };
}

/** Types that may follow an OPT record and hold no name that could be compressed (RFC 1035, 4.1.4; RFC 3597, 4). */
const WITHOUT_POINTERS: readonly number[] = [RecordType.A, RecordType.AAAA, RecordType.RRSIG];

/**
 * Whether a record can be moved without breaking a pointer: only its owner may hold one, and it must point before
 * `before`.
 */
function isMovable(message: Uint8Array, { start, typeAt, type }: RecordSpan, before: number): boolean {
  const pointsBack = (message[typeAt - 2] ?? 0) >= 0xc0 && typeAt - 2 >= start;
  if (!WITHOUT_POINTERS.includes(type)) return false;
  return !pointsBack || (readUint16(message, typeAt - 2) & 0x3fff) < before;
}

/** What a relay needs to know of a response that it passes on whole. */
export interface MessageSummary {
  readonly questionEnd: number;
  /** The end of the last record before an OPT record. */
  readonly end: number;
  readonly answerCount: number;
  readonly authorityCount: number;
  readonly additionalCount: number;
  /** Whether there are records behind the OPT record, which are not counted here. */
  readonly goesOn: boolean;
  /** The upper bits of the rcode (RFC 6891, 6.1.3). */
  readonly extendedRcode: number;
  /** The message's Extended DNS Error, as an EDNS option. */
  readonly extendedError?: Uint8Array | undefined;
  /**
   * Its CNAME records are known to lead to no name of this server, as its names were after so many changes; -1 where that
   * was not found out.
   */
  leadsElsewhere: number;
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
    leadsElsewhere: -1,
  };
}

/** A message that was already found well-formed and to answer the question: it is relayed without another check. */
export class CheckedAnswer implements MessageAnswer {
  declare readonly reusableUntil?: Milliseconds;
  declare readonly extendedError?: ExtendedError;

  /** @param knownCuts where given, the message may be only as long as the last of them; the summary is of the whole */
  constructor(
    readonly message: Uint8Array,
    readonly summary: MessageSummary,
    reusableUntil?: Milliseconds,
    extendedError?: ExtendedError,
    private knownCuts?: readonly MessageCut[],
  ) {
    if (reusableUntil !== undefined) this.reusableUntil = reusableUntil;
    if (extendedError !== undefined) this.extendedError = extendedError;
  }

  /** What of it fits into a UDP datagram: found once, whoever many clients wait for this answer. */
  get cuts(): readonly MessageCut[] {
    return (this.knownCuts ??= this.findCuts());
  }

  /** The same with this message, whose records are at the same places. */
  withMessage(message: Uint8Array): CheckedAnswer {
    return new CheckedAnswer(message, this.summary, this.reusableUntil, this.extendedError, this.knownCuts);
  }

  protected findCuts(): readonly MessageCut[] {
    const sections = sectionsOf(this.message);
    if (sections === undefined) return [];
    return cutsOf(sections, setsOf(this.message, sections.records), UDP_PAYLOAD_SIZE);
  }
}

/** A message that was found well-formed and to answer the question, with the result of its parsing. */
export class ParsedAnswer extends CheckedAnswer {
  constructor(
    message: Uint8Array,
    readonly sections: MessageSections,
    /** Whether DNSSEC has proven it, by the word of an upstream that nobody can speak for. */
    readonly isAuthentic = false,
    readonly names = new MessageNames(message),
  ) {
    super(message, summaryOf(sections));
  }

  protected override findCuts(): readonly MessageCut[] {
    const { message, sections, names } = this;
    return cutsOf(sections, setsOf(message, sections.records, names), UDP_PAYLOAD_SIZE);
  }
}
