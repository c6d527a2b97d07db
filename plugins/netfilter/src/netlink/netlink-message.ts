import { aligned } from './attributes.js';

/** Flags and types of every message (netlink(7)). */
export const Netlink = {
  REQUEST: 0x001,
  MULTI: 0x002,
  ACK: 0x004,
  DUMP_INTERRUPTED: 0x010,
  DUMP: 0x300,
  EXCLUSIVE: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  NOOP: 1,
  ERROR: 2,
  DONE: 3,
} as const;

/** Length, type, flags, sequence number and port. */
export const HEADER = 16;

/** A message that came from the kernel. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** A view of the buffer that it came in. */
  readonly body: Buffer;
}

export function message(type: number, flags: number, sequence: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, HEADER);
  const bytes = Buffer.alloc(aligned(length));
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  let at = HEADER;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** What the kernel has sent at once. It ends at the first message that does not fit: no length is believed. */
export function* messagesIn(bytes: Buffer): Generator<NetlinkMessage, void, undefined> {
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER || at + length > bytes.length) return;
    yield {
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      body: bytes.subarray(at + HEADER, at + length),
    };
    at += aligned(length);
  }
}

/** The header of messages of netfilter: the family, a version, and what its subsystem makes of 16 bits. */
export function netfilterHeader(family: number, resource = 0): Buffer {
  const bytes = Buffer.alloc(NETFILTER_HEADER);
  bytes[0] = family;
  bytes.writeUInt16BE(resource, 2);
  return bytes;
}

export const NETFILTER_HEADER = 4;
