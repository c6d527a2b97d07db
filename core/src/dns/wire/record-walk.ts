import { readUint16 } from './bytes.js';

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

function skipName(message: Uint8Array, offset: number): number | undefined {
  for (let position = offset; ;) {
    const length = message[position];
    if (length === undefined) return undefined;
    if (length === 0) return position + 1;
    if (length >= 0xc0) {
      if (position + 2 > message.length) return undefined;
      return (readUint16(message, position) & 0x3fff) < position ? position + 2 : undefined;
    }
    if (length > 63) return undefined;
    position += length + 1;
    if (position - offset > 254) return undefined;
  }
}
