import { isIPv4, isIPv6 } from 'node:net';
import { ipv4Bytes, ipv6Bytes } from '../../net/address-bytes.js';

/** The name whose PTR record names an address: below in-addr.arpa (RFC 1035, 3.5) or ip6.arpa (RFC 3596, 2.5). */
export function reverseName(address: string): string {
  if (isIPv4(address)) return `${[...ipv4Bytes(address)].reverse().join('.')}.in-addr.arpa`;
  const nibbles = [...ipv6Bytes(address)].flatMap((byte) => [byte >> 4, byte & 0x0f]);
  return `${nibbles
    .reverse()
    .map((nibble) => nibble.toString(16))
    .join('.')}.ip6.arpa`;
}

const IN_ADDR = '.in-addr.arpa';

/**
 * By what an address is found again: an IPv4 address by itself, which there is in memory already, and an IPv6 address,
 * of which there are several spellings, by its reverse name. `undefined` for what is no address.
 */
export function addressKey(address: string): string | undefined {
  if (isIPv4(address)) return address;
  return isIPv6(address) ? reverseName(address) : undefined;
}

/** The {@link addressKey} of the address that a reverse name stands for; for other names, nobody's. */
export function keyBehind(reverse: string): string {
  return reverse.endsWith(IN_ADDR) ? reverse.slice(0, -IN_ADDR.length).split('.').reverse().join('.') : reverse;
}
