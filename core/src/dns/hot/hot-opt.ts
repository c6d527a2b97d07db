import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { Asker } from '../clients/asker.js';
import { COOKIE_OPTION } from '../wire/cookie-option.js';
import { UDP_PAYLOAD_SIZE } from '../wire/opt-record.js';
import { RecordType } from '../wire/record-type.js';
import { COOKIE_OPTION_LENGTH, OPT_LENGTH, type HotQuery } from './hot-query.js';
import { putUint16 } from './put-uint.js';

/** Writes our own OPT record as `optBytes` makes it, and gives the place behind it, for options of this length. */
export function writeOpt(
  out: Uint8Array,
  at: number,
  dnssecOk: boolean,
  extendedRcode: number,
  optionsLength: number,
): number {
  out[at] = 0;
  putUint16(out, at + 1, RecordType.OPT);
  putUint16(out, at + 3, UDP_PAYLOAD_SIZE);
  putUint16(out, at + 5, extendedRcode << 8);
  putUint16(out, at + 7, dnssecOk ? 0x8000 : 0);
  putUint16(out, at + 9, optionsLength);
  return at + OPT_LENGTH;
}

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
