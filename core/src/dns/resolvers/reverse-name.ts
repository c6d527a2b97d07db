import { isIPv4, isIPv6 } from 'node:net';
import { ipv4Bytes, ipv6Bytes } from '../../net/address-bytes.js';

/** The owner of an address's PTR record: below in-addr.arpa (RFC 1035, 3.5) or ip6.arpa (RFC 3596, 2.5). */
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
 * The key of an address: an IPv4 address itself, which is in memory already; for an IPv6 address, which has several
 * spellings, its reverse name. `undefined` for an invalid address.
 */
export function addressKey(address: string): string | undefined {
  if (isIPv4(address)) return address;
  return isIPv6(address) ? reverseName(address) : undefined;
}

/** The {@link addressKey} of the address that a reverse name stands for; for other names, a key that no address has. */
export function keyBehind(reverse: string): string {
  return reverse.endsWith(IN_ADDR) ? reverse.slice(0, -IN_ADDR.length).split('.').reverse().join('.') : reverse;
}
