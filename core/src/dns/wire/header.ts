import { foldCase, readUint16 } from './bytes.js';

/** The length of the fixed header that starts every message (RFC 1035, 4.1.1), in bytes. */
export const HEADER_LENGTH = 12;

/** The bits of a header's third and fourth byte, read as one 16-bit number. */
export const HeaderFlag = {
  Response: 0x8000,
  Authoritative: 0x0400,
  Truncated: 0x0200,
  RecursionDesired: 0x0100,
  RecursionAvailable: 0x0080,
  AuthenticData: 0x0020,
  CheckingDisabled: 0x0010,
} as const;

/** A header's flags, opcode and rcode as one number. */
export function readFlags(message: Uint8Array): number {
  return readUint16(message, 2);
}

/** The 4-bit response code of a message's header. */
export function readRcode(message: Uint8Array): number {
  return readUint16(message, 2) & 0x0f;
}

/** Whether a response says that it has been truncated (RFC 1035, 4.1.1). */
export function isTruncated(message: Uint8Array): boolean {
  return (readFlags(message) & HeaderFlag.Truncated) !== 0;
}

/** The flags that every response to this query has: QR, and RD and CD as in the query. */
export function echoedFlags(message: Uint8Array): number {
  const echoed = HeaderFlag.RecursionDesired | HeaderFlag.CheckingDisabled;
  return HeaderFlag.Response | (readFlags(message) & echoed);
}

const LONGEST_LABEL = 63;
const LONGEST_NAME = 255;

/** The end of the first question; `undefined` where it is cut off, malformed or compressed (no name precedes it). */
export function endOfQuestion(message: Uint8Array): number | undefined {
  let position = HEADER_LENGTH;
  while (position < message.length) {
    const size = message[position] as number;
    position += size + 1;
    if (size > LONGEST_LABEL || position - HEADER_LENGTH > LONGEST_NAME) return undefined;
    if (size === 0) return position + 4 > message.length ? undefined : position + 4;
  }
  return undefined;
}

/** The bytes of a well-formed message's first question, in the client's own case. */
export function questionBytes(message: Uint8Array): Uint8Array {
  return message.subarray(HEADER_LENGTH, endOfQuestion(message));
}

/** Whether two questions are equal: byte for byte, or except for the case of letters in the name. */
export function sameQuestion(one: Uint8Array, other: Uint8Array): boolean {
  if (Buffer.compare(one, other) === 0) return true;
  if (one.length !== other.length || Buffer.compare(one.subarray(-4), other.subarray(-4)) !== 0) return false;
  return Buffer.compare(foldCase(one.subarray(0, -4)), foldCase(other.subarray(0, -4))) === 0;
}
