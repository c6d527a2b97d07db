import ipaddr from 'ipaddr.js';
import { isIPv4 } from 'node:net';

/** The 4 bytes of an IPv4 address. @throws RangeError */
export function ipv4Bytes(address: string): Uint8Array {
  if (!isIPv4(address)) throw new RangeError(`'${address}' is no IPv4 address`);
  const bytes = new Uint8Array(4);
  address.split('.').forEach((part, index) => (bytes[index] = Number(part)));
  return bytes;
}

/** The 16 bytes of an IPv6 address. @throws RangeError */
export function ipv6Bytes(address: string): Uint8Array {
  if (!ipaddr.IPv6.isValid(address)) throw new RangeError(`'${address}' is no IPv6 address`);
  return Uint8Array.from(ipaddr.IPv6.parse(address).toByteArray());
}
