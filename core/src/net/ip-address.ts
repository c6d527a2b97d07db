import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';

/** The IPv4 address that an IPv6 address may end in (RFC 4291, 2.2.3). */
const DOTTED_END = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/;

/** Parses an IPv6 address that passes `isIPv6` of node:net, with its scope where it has one (RFC 4007, 11). */
export function readIpv6(text: string): ipaddr.IPv6 {
  const [plain = '', ...scope] = text.split('%');
  // ipaddr.js reads ::192.0.2.7 as ::ffff:192.0.2.7, which is another address (RFC 4291, 2.5.5).
  const inGroups = plain.replace(DOTTED_END, (_, ...parts: string[]) => {
    const [first, second, third, fourth] = parts.slice(0, 4).map(Number) as [number, number, number, number];
    return `${((first << 8) | second).toString(16)}:${((third << 8) | fourth).toString(16)}`;
  });
  const address = ipaddr.IPv6.parse(inGroups);
  // ipaddr.js refuses the names of many interfaces, such as eth0.100.
  if (scope.length > 0) address.zoneId = scope.join('%');
  return address;
}

/** An IPv4 or IPv6 address in canonical form (RFC 5952). Undefined for anything else. */
export function parseAddress(text: string): string | undefined {
  // Not ipaddr.js, which accepts 127.1 and 0x7f000001 as well.
  const version = isIP(text);
  if (version === 0) return undefined;
  return version === 6 ? readIpv6(text).toRFC5952String() : text;
}
