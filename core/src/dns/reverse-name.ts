import { isIPv4 } from 'node:net';
import { ipv4Bytes, ipv6Bytes } from './wire/address-bytes.js';

/** The name whose PTR record names an address: below in-addr.arpa (RFC 1035, 3.5) or ip6.arpa (RFC 3596, 2.5). */
export function reverseName(address: string): string {
  if (isIPv4(address)) return `${[...ipv4Bytes(address)].reverse().join('.')}.in-addr.arpa`;
  const nibbles = [...ipv6Bytes(address)].flatMap((byte) => [byte >> 4, byte & 0x0f]);
  return `${nibbles
    .reverse()
    .map((nibble) => nibble.toString(16))
    .join('.')}.ip6.arpa`;
}
