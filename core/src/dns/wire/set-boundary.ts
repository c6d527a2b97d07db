import { foldCase } from './fold-case.js';
import { readUint16 } from './header.js';
import type { RecordSpan } from './record-walk.js';

/** A name has at most 127 labels (RFC 1035, 2.3.4), so that more steps than these lead to none. */
const MOST_STEPS = 255;

/**
 * How many of the records of one section can be kept, where only the first `room` of them fit: the most that leave no
 * RRset incomplete (RFC 2181, 9), wherever in the section its records are.
 */
export function wholeSets(message: Uint8Array, section: readonly RecordSpan[], room: number): number {
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

/** The same for all records of an RRset: the owner without regard to case, type and class (RFC 2181, 5). */
function setKey(message: Uint8Array, { start, typeAt, type }: RecordSpan): string {
  return `${type} ${readUint16(message, typeAt + 2)} ${ownerAt(message, start)}`;
}

function ownerAt(message: Uint8Array, start: number): string {
  let owner = '';
  let position = start;
  for (let step = 0; step < MOST_STEPS; step++) {
    const length = message[position] ?? 0;
    if (length === 0) break;
    if (length >= 0xc0) {
      const target = readUint16(message, position) & 0x3fff;
      // Strictly back, or a circle of pointers would never end.
      if (target >= position) break;
      position = target;
    } else {
      owner += Buffer.from(foldCase(message.subarray(position, position + length + 1))).toString('latin1');
      position += length + 1;
    }
  }
  return owner;
}
