import type { Milliseconds } from '../../contracts/milliseconds.js';
import { readUint16 } from '../wire/bytes.js';
import { layoutOf, type MessageLayout } from '../wire/message-sections.js';
import { RecordType } from '../wire/dns-parameters.js';
import type { RecordSpan } from '../wire/record-walk.js';

/** A finished answer, taken apart into what is the same for all who ask. */
export interface HotPacket {
  readonly flags: number;
  readonly answers: number;
  readonly authorities: number;
  /** Without the OPT record. */
  readonly additionals: number;
  /** What stands between the question and the OPT record. */
  readonly tail: Uint8Array;
  /** The options of the OPT record. */
  readonly options: Uint8Array;
  /** The length of each answer record where their order may change, else 0. */
  readonly rotationLength: number;
  /** Where in the tail the TTLs lie that count down. */
  readonly ttlOffsets: readonly number[];
  readonly storedAt: Milliseconds;
  readonly expiresAt: Milliseconds;
}

/** A packet that holds until further notice: its TTLs stay, and its addresses take turns. `undefined`: not for all alike. */
export function lastingPacket(reply: Uint8Array, now: Milliseconds): HotPacket | undefined {
  const layout = sharedLayoutOf(reply);
  if (layout === undefined) return undefined;
  return {
    ...partsOf(reply, layout),
    ...times(now, Infinity),
    rotationLength: rotationOf(reply, layout),
    ttlOffsets: [],
  };
}

/** A packet that holds until a certain time: its TTLs count down from now on. `undefined`: not for all alike. */
export function expiringPacket(reply: Uint8Array, now: Milliseconds, expiresAt: Milliseconds): HotPacket | undefined {
  const layout = sharedLayoutOf(reply);
  if (layout === undefined) return undefined;
  const ttlOffsets = layout.records.map(({ typeAt }) => typeAt + 4 - layout.questionEnd);
  return { ...partsOf(reply, layout), ...times(now, expiresAt), rotationLength: 0, ttlOffsets };
}

/** The layout of a reply that is the same with and without EDNS, save the OPT record. */
function sharedLayoutOf(reply: Uint8Array): MessageLayout | undefined {
  const layout = layoutOf(reply);
  // Whoever gets no OPT record gets another rcode then.
  return (layout?.opt?.extendedRcode ?? 0) > 0 ? undefined : layout;
}

type Parts = Omit<HotPacket, 'rotationLength' | 'ttlOffsets' | 'storedAt' | 'expiresAt'>;

function partsOf(reply: Uint8Array, { questionEnd, records, answerCount, authorityCount, opt }: MessageLayout): Parts {
  return {
    flags: readUint16(reply, 2),
    answers: answerCount,
    authorities: authorityCount,
    additionals: records.length - answerCount - authorityCount,
    tail: reply.subarray(questionEnd, records.at(-1)?.end ?? questionEnd),
    options: opt?.options ?? new Uint8Array(),
  };
}

function times(storedAt: Milliseconds, expiresAt: Milliseconds): Pick<HotPacket, 'storedAt' | 'expiresAt'> {
  return { storedAt, expiresAt };
}

/** Addresses of one set and one length can change places: none of them holds a name that another could point to. */
function rotationOf(reply: Uint8Array, { records, answerCount }: MessageLayout): number {
  const answers = records.slice(0, answerCount);
  const [first] = answers;
  if (first === undefined || answers.length < 2) return 0;
  if (first.type !== RecordType.A && first.type !== RecordType.AAAA) return 0;
  const length = first.end - first.start;
  const alike = answers.every((record) => record.end - record.start === length && headEquals(reply, first, record));
  return alike ? length : 0;
}

/** Owner, type and class: we write the owner of a set in the same way each time. */
function headEquals(reply: Uint8Array, one: RecordSpan, other: RecordSpan): boolean {
  const head = ({ start, typeAt }: RecordSpan): Uint8Array => reply.subarray(start, typeAt + 4);
  return Buffer.compare(head(one), head(other)) === 0;
}
