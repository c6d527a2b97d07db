import { readUint16 } from './bytes.js';

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
