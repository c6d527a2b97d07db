/**
 * Where in an address of 4 or 16 bytes the IPv4 address stands, that of an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2)
 * included; -1 for any other IPv6 address.
 */
export function ipv4Offset(address: Uint8Array): 0 | 12 | -1 {
  if (address.length === 4) return 0;
  if (address[10] !== 0xff || address[11] !== 0xff) return -1;
  for (let index = 0; index < 10; index++) if (address[index] !== 0) return -1;
  return 12;
}
