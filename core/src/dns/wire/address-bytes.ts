import ipaddr from 'ipaddr.js';

/** The 4 bytes of an IPv4 address. @throws RangeError */
export function ipv4Bytes(address: string): Uint8Array {
  if (!ipaddr.IPv4.isValidFourPartDecimal(address)) throw new RangeError(`'${address}' is no IPv4 address`);
  return Uint8Array.from(address.split('.'), Number);
}

/** The 16 bytes of an IPv6 address. @throws RangeError */
export function ipv6Bytes(address: string): Uint8Array {
  if (!ipaddr.IPv6.isValid(address)) throw new RangeError(`'${address}' is no IPv6 address`);
  return Uint8Array.from(ipaddr.IPv6.parse(address).toByteArray());
}
