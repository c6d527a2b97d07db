import ipaddr from 'ipaddr.js';
import { isIPv4, isIPv6 } from 'node:net';
import { readIpv6 } from './ip-address.js';

/** The 4 bytes of an IPv4 address. @throws RangeError */
export function ipv4Bytes(address: string): Uint8Array {
  if (!isIPv4(address)) throw new RangeError(`'${address}' is no IPv4 address`);
  const bytes = new Uint8Array(4);
  address.split('.').forEach((part, index) => (bytes[index] = Number(part)));
  return bytes;
}

/** The 16 bytes of an IPv6 address. @throws RangeError */
export function ipv6Bytes(address: string): Uint8Array {
  if (!isIPv6(address)) throw new RangeError(`'${address}' is no IPv6 address`);
  return Uint8Array.from(readIpv6(address).toByteArray());
}

/** The 4 or 16 bytes of an address in text form, without its scope; `undefined` for an invalid address. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return ipv4Bytes(text);
  const scopeAt = text.indexOf('%');
  const plain = scopeAt === -1 ? text : text.slice(0, scopeAt);
  return isIPv6(plain) ? ipv6Bytes(plain) : undefined;
}

/**
 * The text of an address of 4 or 16 bytes (RFC 5952); an IPv4-mapped one (RFC 4291, 2.5.5.2) is that of its IPv4 address.
 * @throws Error for another number of bytes
 */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const address = new ipaddr.IPv6([...bytes]);
  return address.isIPv4MappedAddress() ? bytes.subarray(12).join('.') : address.toRFC5952String();
}

/** The number of cached addresses at which the cache is cleared. */
const MOST_REMEMBERED = 1_024;

/** Converts addresses of sockets into bytes, and caches the results: most clients send many queries. */
export class ClientAddresses {
  private readonly known = new Map<string, Uint8Array>();

  /** 4 or 16 bytes, without the scope of an address like `fe80::1%eth0`. `undefined` for an invalid address. */
  bytesOf(text: string): Uint8Array | undefined {
    const known = this.known.get(text);
    if (known !== undefined) return known;
    const bytes = addressBytes(text);
    if (bytes === undefined) return undefined;
    if (this.known.size >= MOST_REMEMBERED) this.known.clear();
    this.known.set(text, bytes);
    return bytes;
  }
}
