import { readUint16 } from './header.js';

/** RFC 7873, 4. */
export const COOKIE_OPTION = 10;

/** A client cookie alone, or with a server cookie behind it, in bytes. */
const CLIENT_ONLY = 8;
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

/** Whether a COOKIE option may have so many bytes of data. */
export function isCookieLength(length: number): boolean {
  return length === CLIENT_ONLY || (length >= SHORTEST_WITH_SERVER && length <= LONGEST_WITH_SERVER);
}

/** A cookie as an EDNS option. */
export function cookieOption(cookie: Uint8Array): Uint8Array {
  const option = Buffer.alloc(4 + cookie.length);
  option.writeUInt16BE(COOKIE_OPTION, 0);
  option.writeUInt16BE(cookie.length, 2);
  option.set(cookie, 4);
  return option;
}
