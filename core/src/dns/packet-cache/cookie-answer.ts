import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { Asker } from '../admission/asker.js';
import { COOKIE_OPTION } from '../wire/opt-record.js';
import { COOKIE_OPTION_LENGTH, type HotQuery } from './packet-query.js';
import { putUint16 } from '../wire/bytes.js';

/** Writes the COOKIE option for an asker who has shown its own, and gives the place behind it. */
export function writeCookieOption(
  out: Uint8Array,
  at: number,
  message: Uint8Array,
  { cookieAt }: HotQuery,
  asker: Asker,
  now: Milliseconds,
): number {
  putUint16(out, at, COOKIE_OPTION);
  putUint16(out, at + 2, COOKIE_OPTION_LENGTH - 4);
  asker.writeCookie(message, cookieAt, out, at + 4, now);
  return at + COOKIE_OPTION_LENGTH;
}
