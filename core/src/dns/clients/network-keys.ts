import { ipv4Offset } from './ipv4-offset.js';

/** One asker as a key: an IPv4 address, or an IPv6 /64, within which a machine can take as many as it likes. */
export function clientKey(address: Uint8Array): string {
  return key(address, 4, 8);
}

/** One asker's network as a key: an IPv4 /24, or an IPv6 /56. */
export function networkKey(address: Uint8Array): string {
  return key(address, 3, 7);
}

/** The lengths differ, and tell the families apart. */
function key(address: Uint8Array, ipv4Length: number, ipv6Length: number): string {
  const offset = ipv4Offset(address);
  const part = offset === -1 ? address.subarray(0, ipv6Length) : address.subarray(offset, offset + ipv4Length);
  return String.fromCharCode(...part);
}
