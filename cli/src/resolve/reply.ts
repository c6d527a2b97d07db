import { decode, type Answer, type DecodedPacket, type OptAnswer } from 'dns-packet';
import { extendedErrors, type ExtendedError } from './extended-error.js';
import type { Question } from './question.js';
import { recordText } from './record-text.js';
import { recordTypeName } from './record-type.js';

/** A record in presentation form. */
export interface ReplyRecord {
  readonly section: 'answer' | 'authority' | 'additional';
  readonly name: string;
  /** The TTL in seconds. */
  readonly ttl: number;
  readonly type: string;
  readonly data: string;
}

/** A decoded response. */
export interface Reply {
  /** `NOERROR`, `NXDOMAIN`, or `RCODE16` for one without a name. */
  readonly rcode: string;
  /** The set flags in dig's notation: `aa`, `tc`, `rd`, `ra`, `ad`, `cd`. */
  readonly flags: readonly string[];
  readonly records: readonly ReplyRecord[];
  readonly extendedErrors: readonly ExtendedError[];
}

const HEADER_SIZE = 12;
/** The smallest record in bytes: root name, type, class, TTL, and a data length of 0 (RFC 1035, 4.1.3). */
const SMALLEST_RECORD = 11;
const flagNames = ['aa', 'tc', 'rd', 'ra', 'ad', 'cd'] as const;

/** Whether the bytes are a response with the query's id, and with its question if they repeat one. */
export function answers(bytes: Uint8Array, id: number, question: Question): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_SIZE || view.getUint16(0) !== id || (view.getUint8(2) & 0x80) === 0) return false;
  if (view.getUint16(4) === 0) return true;
  const asked = decodeOrNothing(bytes)?.questions?.[0];
  const type = asked?.type.replace('UNKNOWN_', 'TYPE');
  const isSameType = type === recordTypeName(question.type) || type === `TYPE${question.type}`;
  return isSameType && asked?.name.replace(/^\.$/, '').toLowerCase() === question.name.toLowerCase();
}

/** Whether the response is truncated (TC), so that the query has to be repeated over TCP. */
export function isTruncated(bytes: Uint8Array): boolean {
  return ((bytes[2] ?? 0) & 0x02) !== 0;
}

/** Decodes a response; `undefined` if it is damaged. */
export function readReply(bytes: Uint8Array): Reply | undefined {
  const packet = decodeOrNothing(bytes);
  if (packet === undefined) return undefined;
  const opt = packet.additionals?.find((record): record is OptAnswer => record.type === 'OPT');
  const rcode = ((bytes[3] ?? 0) & 0x0f) | ((opt?.extendedRcode ?? 0) << 4);
  return {
    rcode: rcode > 15 ? `RCODE${rcode}` : packet.rcode,
    flags: flagNames.filter((flag) => packet[`flag_${flag}`]),
    records: [
      ...shown('answer', packet.answers),
      ...shown('authority', packet.authorities),
      ...shown('additional', packet.additionals),
    ],
    extendedErrors: opt === undefined ? [] : extendedErrors(opt),
  };
}

function shown(section: ReplyRecord['section'], records: readonly Answer[] = []): ReplyRecord[] {
  return records.flatMap((record) =>
    record.type === 'OPT' ? [] : [{ section, name: record.name, ttl: record.ttl ?? 0, ...recordText(record) }],
  );
}

type ReplyPacket = DecodedPacket & { readonly rcode: string };

function decodeOrNothing(bytes: Uint8Array): ReplyPacket | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Record counts that exceed the message's size would cost the decoder a lot of time.
  const records = [6, 8, 10].reduce((sum, offset) => sum + buffer.readUInt16BE(offset), 0);
  if (records * SMALLEST_RECORD > buffer.length || buffer.readUInt16BE(4) > 1) return undefined;
  try {
    return decode(buffer) as ReplyPacket;
  } catch {
    // The caller reports a damaged reply; the decoder's own message is about its buffer.
    return undefined;
  }
}
