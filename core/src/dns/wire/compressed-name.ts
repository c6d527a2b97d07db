import { HEADER_LENGTH } from './header.js';
import { readUint16 } from './bytes.js';

/** The longest name in wire form, in bytes (RFC 1035, 2.3.4). */
const LONGEST_NAME = 255;

const scratch = Buffer.allocUnsafe(LONGEST_NAME);

/**
 * The name at an offset of a message, compressed or not (RFC 1035, 4.1.4), as a comparable text: its wire form with the
 * root's zero byte, letters in lower case, one character per byte. `undefined` if it is malformed. Each pointer must
 * point before the previous one, so that the cost is bounded.
 */
export function readName(message: Uint8Array, offset: number): string | undefined {
  let lowest = offset;
  let position = offset;
  let length = 0;
  for (;;) {
    const size = message[position];
    if (size === undefined) return undefined;
    if (size >= 0xc0) {
      const target = position + 1 < message.length ? readUint16(message, position) & 0x3fff : 0;
      if (target < HEADER_LENGTH || target >= lowest) return undefined;
      lowest = target;
      position = target;
      continue;
    }
    const end = position + size + 1;
    if (size > 63 || end > message.length || length + size + 1 > LONGEST_NAME) return undefined;
    for (; position < end; position++) {
      const byte = message[position] as number;
      scratch[length++] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    }
    if (size === 0) return scratch.toString('latin1', 0, length);
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

/** The most pointers in a name: with 127 labels at most, no name needs more. */
const POINTERS_IN_NAME = 127;

/** The end of the name at an offset of a message; `undefined` if it is malformed, also where its pointers lead. */
export function endOfName(message: Uint8Array, offset: number): number | undefined {
  let end: number | undefined;
  let lowest = offset;
  let position = offset;
  let length = 0;
  let pointers = 0;
  for (;;) {
    const size = message[position];
    if (size === undefined) return undefined;
    if (size >= 0xc0) {
      const target = position + 1 < message.length ? readUint16(message, position) & 0x3fff : 0;
      if (target < HEADER_LENGTH || target >= lowest || ++pointers > POINTERS_IN_NAME) return undefined;
      end ??= position + 2;
      lowest = position = target;
      continue;
    }
    length += size + 1;
    position += size + 1;
    if (size > 63 || length > LONGEST_NAME || position > message.length) return undefined;
    if (size === 0) return end ?? position;
  }
}

/** A well-formed name at an offset of a message without pointers, in its own case; `undefined` if it is malformed. */
export function expandedName(message: Uint8Array, offset: number): Uint8Array | undefined {
  if (endOfName(message, offset) === undefined) return undefined;
  const bytes: number[] = [];
  for (let position = offset; ;) {
    const size = message[position] as number;
    if (size >= 0xc0) {
      position = readUint16(message, position) & 0x3fff;
      continue;
    }
    for (const end = position + size + 1; position < end; position++) bytes.push(message[position] as number);
    if (size === 0) return Uint8Array.from(bytes);
  }
}
