import { HEADER_LENGTH } from './header.js';
import { readUint16 } from './bytes.js';

/** The longest name in wire form, in bytes (RFC 1035, 2.3.4). */
const LONGEST_NAME = 255;

/** The most pointers in a name: with 127 labels at most, no name needs more. */
const MOST_POINTERS = 127;

/** The name that was copied last by {@link walkName}, and its length. */
const copied = Buffer.allocUnsafe(LONGEST_NAME);
let copiedLength = 0;

/**
 * The end of the name at an offset of a message, compressed or not (RFC 1035, 4.1.4); `undefined` if it is malformed, also
 * where its pointers lead. Each pointer must point before the previous one, and there are at most 127 of them, so that
 * the cost is bounded.
 * @param copies whether the name goes to `copied`, in wire form without pointers
 */
function walkName(message: Uint8Array, offset: number, copies: boolean): number | undefined {
  let nameEnd: number | undefined;
  let lowest = offset;
  let position = offset;
  let length = 0;
  let pointers = 0;
  for (;;) {
    const size = message[position];
    if (size === undefined) return undefined;
    if (size >= 0xc0) {
      const target = position + 1 < message.length ? readUint16(message, position) & 0x3fff : 0;
      if (target < HEADER_LENGTH || target >= lowest || ++pointers > MOST_POINTERS) return undefined;
      nameEnd ??= position + 2;
      lowest = position = target;
      continue;
    }
    const end = position + size + 1;
    if (size > 63 || end > message.length || length + size + 1 > LONGEST_NAME) return undefined;
    if (copies) for (let at = position; at < end; at++) copied[length + at - position] = message[at] as number;
    length += size + 1;
    position = end;
    if (size > 0) continue;
    copiedLength = length;
    return nameEnd ?? position;
  }
}

/**
 * The name at an offset of a message, compressed or not, as a comparable text: its wire form with the root's zero byte,
 * letters in lower case, one character per byte. `undefined` if it is malformed.
 */
export function readName(message: Uint8Array, offset: number): string | undefined {
  if (walkName(message, offset, true) === undefined) return undefined;
  // The lengths of labels are below the letters.
  for (let at = 0; at < copiedLength; at++) {
    const byte = copied[at] as number;
    if (byte >= 0x41 && byte <= 0x5a) copied[at] = byte + 0x20;
  }
  return copied.toString('latin1', 0, copiedLength);
}

/**
 * The most bytes of names that are read from one message: twice the longest message. With 4,000 records that have owners
 * of their own, a message stays below it; the longest names, put together of pointers, do not.
 */
const MOST_READ = 131_072;

/** What a malformed name and its pointers count as, in bytes. */
const MALFORMED_COST = 255;

/**
 * Reads the names of one message as {@link readName} does, each of them once, and only so many that the cost stays
 * linear in the message's length: every name counts as malformed from there on. The names must not change meanwhile.
 */
export class MessageNames {
  private readonly known = new Map<number, string | undefined>();
  private left = MOST_READ;

  constructor(private readonly message: Uint8Array) {}

  at(offset: number): string | undefined {
    const start = this.startOf(offset);
    const known = this.known.get(start);
    if (known !== undefined || this.left <= 0 || this.known.has(start)) return known;
    const name = readName(this.message, start);
    this.left -= name?.length ?? MALFORMED_COST;
    this.known.set(start, name);
    return name;
  }

  /** Nearly every owner is a single pointer to a name that others point to, too. */
  private startOf(offset: number): number {
    const { message } = this;
    if ((message[offset] ?? 0) < 0xc0 || offset + 1 >= message.length) return offset;
    const target = readUint16(message, offset) & 0x3fff;
    return target < offset && (message[target] ?? 0xff) < 0xc0 ? target : offset;
  }
}

/** The parent of a name in the form of {@link readName}; `undefined` for the root. */
export function withoutFirstLabel(name: string): string | undefined {
  return name.length <= 1 ? undefined : name.slice(name.charCodeAt(0) + 1);
}

/** Whether a name, in the form of `readName`, is a zone's apex or lies below it. */
export function isWithin(name: string, zone: string): boolean {
  for (let position = 0; name.length - position >= zone.length; position += name.charCodeAt(position) + 1) {
    if (name.length - position === zone.length) return name.endsWith(zone);
  }
  return false;
}

/**
 * The end of the name at an offset of a message, compressed or not; `undefined` if it is malformed. A pointer must go
 * back, and is not followed.
 */
export function skipName(message: Uint8Array, offset: number): number | undefined {
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

/** The end of the name at an offset of a message; `undefined` if it is malformed, also where its pointers lead. */
export function endOfName(message: Uint8Array, offset: number): number | undefined {
  return walkName(message, offset, false);
}

/** A well-formed name at an offset of a message without pointers, in its own case; `undefined` if it is malformed. */
export function expandedName(message: Uint8Array, offset: number): Uint8Array | undefined {
  return walkName(message, offset, true) === undefined ? undefined : Uint8Array.from(copied.subarray(0, copiedLength));
}
