/** Attributes of netlink: a length, a type and a value, padded to 4 bytes (netlink(7)). */

const HEADER = 4;
const NESTED = 0x8000;
/** Without the bits for "nested" and "in network order". */
const TYPE = 0x3fff;

export function aligned(length: number): number {
  return (length + 3) & ~3;
}

export function attribute(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(aligned(HEADER + value.length));
  bytes.writeUInt16LE(HEADER + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, HEADER);
  return bytes;
}

export function nested(type: number, ...parts: readonly Uint8Array[]): Buffer {
  return attribute(type | NESTED, Buffer.concat(parts));
}

/** A text with a zero at its end. */
export function textAttribute(type: number, text: string): Buffer {
  return attribute(type, Buffer.from(`${text}\0`));
}

/** 32 bits in network order, as nftables has them. */
export function wordAttribute(type: number, value: number): Buffer {
  return attribute(type, be32(value));
}

export function be16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function be64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/**
 * Goes through the attributes in a part of a buffer. It ends at the first that does not fit: no length is believed.
 * @param each gets the type, and where the value begins and ends
 */
export function eachAttribute(
  bytes: Buffer,
  start: number,
  end: number,
  each: (type: number, start: number, end: number) => void,
): void {
  for (let at = start; at + HEADER <= end;) {
    const length = bytes.readUInt16LE(at);
    if (length < HEADER || at + length > end) return;
    each(bytes.readUInt16LE(at + 2) & TYPE, at + HEADER, at + length);
    at += aligned(length);
  }
}

/** The value of the first attribute of a type; `undefined` where there is none, or it is shorter than it must be. */
export function attributeOf(bytes: Buffer, type: number, least = 0): Buffer | undefined {
  let found: Buffer | undefined;
  eachAttribute(bytes, 0, bytes.length, (each, start, end) => {
    if (each === type && end - start >= least) found ??= bytes.subarray(start, end);
  });
  return found;
}

/** The value of an attribute within others, by the types on the way to it. */
export function attributeAt(bytes: Buffer, path: readonly number[], least = 0): Buffer | undefined {
  let found: Buffer | undefined = bytes;
  for (const [depth, type] of path.entries()) {
    if (found === undefined) return undefined;
    found = attributeOf(found, type, depth === path.length - 1 ? least : 0);
  }
  return found;
}

/** A text attribute, without what follows its first zero. */
export function textOfAttribute(value: Buffer | undefined): string | undefined {
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end === -1 ? value.length : end);
}
