import type { ExtendedError } from '../../contracts/resolver.js';
import { readUint16, putUint16 } from './bytes.js';
import { RecordType } from './dns-parameters.js';

/**
 * The UDP payload size that Jitsu accepts and sends, in bytes: fits an Ethernet frame on any path (DNS Flag Day 2020).
 */
export const UDP_PAYLOAD_SIZE = 1232;

/** The longest EXTRA-TEXT that Jitsu sends, in bytes, so that question and OPT record always fit into 512. */
const LONGEST_EXTRA_TEXT = 200;

/** The end of an EXTRA-TEXT that was cut. */
const ELLIPSIS = new TextEncoder().encode('…');

const DNSSEC_OK = 0x8000;
const EXTENDED_ERROR_OPTION = 15;

/** The length of an OPT record without options (RFC 6891, 6.1.2), in bytes. */
export const OPT_LENGTH = 11;

const NO_OPTIONS = new Uint8Array();

/** The fixed part of an OPT record (RFC 6891, 6.1), and its options as bytes. */
export interface OptRecord {
  readonly payloadSize: number;
  readonly extendedRcode: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  readonly options: Uint8Array;
}

/** Reads the OPT record whose owner name (the root) lies at `start`, up to `end`; `undefined` for malformed options. */
export function readOpt(message: Uint8Array, start: number, end: number): OptRecord | undefined {
  const options = end === start + OPT_LENGTH ? NO_OPTIONS : message.subarray(start + OPT_LENGTH, end);
  let position = 0;
  while (position < options.length) {
    if (position + 4 > options.length) return undefined;
    position += 4 + readUint16(options, position + 2);
  }
  if (position !== options.length) return undefined;
  return {
    payloadSize: readUint16(message, start + 3),
    extendedRcode: message[start + 5] ?? 0,
    version: message[start + 6] ?? 0,
    dnssecOk: (readUint16(message, start + 7) & DNSSEC_OK) !== 0,
    options,
  };
}

/** Our own OPT record, for a query or a response, with these options. */
export function optBytes(dnssecOk: boolean, extendedRcode = 0, options: Uint8Array = NO_OPTIONS): Uint8Array {
  const bytes = Buffer.allocUnsafe(OPT_LENGTH + options.length);
  bytes.set(options, writeOpt(bytes, 0, dnssecOk, extendedRcode, options.length));
  return bytes;
}

/** Writes an OPT record without its options of the given length, and returns their offset. */
export function writeOpt(
  into: Uint8Array,
  at: number,
  dnssecOk: boolean,
  extendedRcode: number,
  optionsLength: number,
): number {
  into[at] = 0;
  putUint16(into, at + 1, RecordType.OPT);
  putUint16(into, at + 3, UDP_PAYLOAD_SIZE);
  putUint16(into, at + 5, extendedRcode << 8);
  putUint16(into, at + 7, dnssecOk ? DNSSEC_OK : 0);
  putUint16(into, at + 9, optionsLength);
  return at + OPT_LENGTH;
}

/**
 * An Extended DNS Error as an EDNS option (RFC 8914, 2), its text cut between characters to `room` or 200 bytes. A cut
 * text ends with an ellipsis, where there is room for one.
 */
export function extendedErrorOption({ code, text = '' }: ExtendedError, room = LONGEST_EXTRA_TEXT): Uint8Array {
  const scratch = new Uint8Array(Math.max(0, Math.min(room, LONGEST_EXTRA_TEXT)));
  const encoder = new TextEncoder();
  const whole = encoder.encodeInto(text, scratch);
  let { written } = whole;
  if (whole.read < text.length && scratch.length >= ELLIPSIS.length) {
    ({ written } = encoder.encodeInto(text, scratch.subarray(0, scratch.length - ELLIPSIS.length)));
    scratch.set(ELLIPSIS, written);
    written += ELLIPSIS.length;
  }
  const option = Buffer.alloc(6 + written);
  option.writeUInt16BE(EXTENDED_ERROR_OPTION, 0);
  option.writeUInt16BE(2 + written, 2);
  option.writeUInt16BE(code, 4);
  option.set(scratch.subarray(0, written), 6);
  return option;
}

/** The first Extended DNS Error among well-formed options, unchanged, if it is short enough to be relayed. */
export function extendedErrorAmong(options: Uint8Array): Uint8Array | undefined {
  for (let position = 0; position < options.length;) {
    const end = position + 4 + readUint16(options, position + 2);
    const fits = end - position >= 6 && end - position <= 6 + LONGEST_EXTRA_TEXT;
    if (readUint16(options, position) === EXTENDED_ERROR_OPTION && fits) return options.subarray(position, end);
    position = end;
  }
  return undefined;
}

/** The option code of COOKIE (RFC 7873, 4). */
export const COOKIE_OPTION = 10;

/** The lengths of a client cookie and of our server cookies, in bytes (RFC 7873, 4; RFC 9018, 4). */
export const CLIENT_COOKIE_LENGTH = 8;
export const SERVER_COOKIE_LENGTH = 16;

/** The length of the COOKIE option's data in every response that has one, in bytes. */
export const WHOLE_COOKIE_LENGTH = CLIENT_COOKIE_LENGTH + SERVER_COOKIE_LENGTH;

/** The length of a COOKIE option in a response, in bytes. */
export const COOKIE_OPTION_LENGTH = 4 + WHOLE_COOKIE_LENGTH;

/** The length of a client cookie with the shortest server cookie, in bytes. */
const SHORTEST_WITH_SERVER = 16;
const LONGEST_WITH_SERVER = 40;

/** The data of the first COOKIE option among well-formed options; others after it do not count (RFC 7873, 5.2). */
export function cookieAmong(options: Uint8Array): Uint8Array | undefined | 'malformed' {
  for (let position = 0; position < options.length;) {
    const length = readUint16(options, position + 2);
    const start = position + 4;
    if (readUint16(options, position) === COOKIE_OPTION) {
      return isCookieLength(length) ? options.subarray(start, start + length) : 'malformed';
    }
    position = start + length;
  }
  return undefined;
}

/** Whether a COOKIE option may have data of this length, in bytes. */
export function isCookieLength(length: number): boolean {
  return length === CLIENT_COOKIE_LENGTH || (length >= SHORTEST_WITH_SERVER && length <= LONGEST_WITH_SERVER);
}

/** A cookie as an EDNS option. */
export function cookieOption(cookie: Uint8Array): Uint8Array {
  const option = Buffer.allocUnsafe(4 + cookie.length);
  option.set(cookie, writeCookieHead(option, 0, cookie.length));
  return option;
}

/** Writes the head of a COOKIE option with data of the given length in bytes, and returns the data's offset. */
export function writeCookieHead(into: Uint8Array, at: number, length: number): number {
  putUint16(into, at, COOKIE_OPTION);
  putUint16(into, at + 2, length);
  return at + 4;
}
