import { isIP } from 'node:net';
import { readIpv6 } from '../net/ipv6-address.js';
import { oneOrMany } from './one-or-many.js';

/** An IPv4 or IPv6 address in the one form by which it is compared (RFC 5952). Undefined for anything else. */
export function parseAddress(text: string): string | undefined {
  // Not ipaddr.js, which takes 127.1 and 0x7f000001 as well.
  const version = isIP(text);
  if (version === 0) return undefined;
  return version === 6 ? readIpv6(text).toRFC5952String() : text;
}

/** One address or a list; parsed, a list without repetition. */
export function addresses(description: string) {
  return oneOrMany(parseAddress, EXPECTED, description);
}

const EXPECTED = 'An IPv4 or IPv6 address expected.';
