/** Reads a 16-bit number; the caller makes sure that it lies within the message. */
export function readUint16(message: Uint8Array, offset: number): number {
  return ((message[offset] ?? 0) << 8) | (message[offset + 1] ?? 0);
}

/** Writes a 16-bit number at an offset. */
export function putUint16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}

/** Writes a 32-bit number at an offset. */
export function putUint32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

/** The length up to which a loop is faster than `set`, in bytes. */
const LONGEST_BY_HAND = 256;

/**
 * Copies bytes: in a loop where they are short, as most messages are; a view and its `set` take several times as long.
 */
export function copyBytes(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): void {
  if (end - start > LONGEST_BY_HAND) into.set(from.subarray(start, end), at);
  else for (let index = start; index < end; index++) into[at + index - start] = from[index] as number;
}

/**
 * A copy with ASCII letters in lower case and every other byte unchanged (RFC 4343, 3). Safe on names in wire form too,
 * because a length byte is never a letter.
 */
export function foldCase(bytes: Uint8Array): Uint8Array {
  const folded = new Uint8Array(bytes);
  for (let index = 0; index < folded.length; index++) {
    const byte = folded[index] as number;
    if (byte >= 0x41 && byte <= 0x5a) folded[index] = byte + 0x20;
  }
  return folded;
}
