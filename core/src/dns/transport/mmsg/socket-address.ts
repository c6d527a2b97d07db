import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import type { Endpoint } from '../../../config/settings.js';
import type { DnsClient } from '../../../contracts/resolver.js';
import { ipv4Bytes, ipv6Bytes } from '../../wire/address-bytes.js';
import { Linux } from './linux.js';

/** An endpoint as a struct sockaddr_in or sockaddr_in6. The interface of a link-local address may follow a `%`. */
export function socketAddress({ address, port }: Endpoint, indexOf: (interfaceName: string) => number): Buffer {
  const isVersion6 = isIPv6(address);
  const bytes = Buffer.alloc(isVersion6 ? 28 : 16);
  bytes.writeUInt16LE(isVersion6 ? Linux.AF_INET6 : Linux.AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  if (isVersion6) {
    const [plain = '', zone] = address.split('%');
    bytes.set(ipv6Bytes(plain), 8);
    if (zone !== undefined) bytes.writeUInt32LE(indexOf(zone) || Number(zone) || 0, 24);
  } else {
    bytes.set(ipv4Bytes(address), 4);
  }
  return bytes;
}

/** Who sent a datagram, in the words of Node's own sockets. @param envelope as `DatagramBatch` copies it */
export function clientOf(envelope: Uint32Array): DnsClient {
  const socketAddress = new Uint8Array(envelope.buffer, envelope.byteOffset + 4, 28);
  const view = new DataView(envelope.buffer, envelope.byteOffset + 4, 28);
  const port = view.getUint16(2);
  if (view.getUint16(0, true) === Linux.AF_INET) {
    return { address: socketAddress.subarray(4, 8).join('.'), port, transport: 'udp' };
  }
  const plain = ipaddr.fromByteArray([...socketAddress.subarray(8, 24)]).toString();
  const isLinkLocal = (view.getUint16(8) & 0xffc0) === 0xfe80;
  const address = isLinkLocal ? `${plain}%${interfaceName(view.getUint32(24, true))}` : plain;
  return { address, port, transport: 'udp' };
}

function interfaceName(index: number): string {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (addresses?.some((address) => address.family === 'IPv6' && address.scopeid === index)) return name;
  }
  return String(index);
}
