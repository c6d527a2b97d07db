import ipaddr from 'ipaddr.js';
import { isIPv6 } from 'node:net';
import type { Endpoint } from './endpoint.js';
import { ipv4Bytes, ipv6Bytes } from './address-bytes.js';
import { Linux } from './linux.js';
import type { SocketCalls } from './socket-calls.js';

export type InterfaceCalls = Pick<SocketCalls, 'if_nametoindex' | 'if_indextoname'>;

/** An endpoint as a struct sockaddr_in or sockaddr_in6. The interface of a link-local address may follow a `%`. */
export function socketAddress({ address, port }: Endpoint, calls: InterfaceCalls): Buffer {
  const isVersion6 = isIPv6(address);
  const bytes = Buffer.alloc(isVersion6 ? 28 : 16);
  bytes.writeUInt16LE(isVersion6 ? Linux.AF_INET6 : Linux.AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  if (isVersion6) {
    const [plain = '', zone] = address.split('%');
    bytes.set(ipv6Bytes(plain), 8);
    if (zone !== undefined) bytes.writeUInt32LE(calls.if_nametoindex(zone) || Number(zone) || 0, 24);
  } else {
    bytes.set(ipv4Bytes(address), 4);
  }
  return bytes;
}

/** The longest interface name with its terminating zero, in bytes. */
const INTERFACE_NAME = 16;

/** The sender of a datagram, its address in the form of Node's own sockets. @param envelope as `DatagramBatch` copies it */
export function senderOf(envelope: Uint32Array, calls: InterfaceCalls): Endpoint {
  const view = new DataView(envelope.buffer, envelope.byteOffset + 4, 28);
  const port = view.getUint16(2);
  if (view.getUint16(0, true) === Linux.AF_INET) {
    const address = `${view.getUint8(4)}.${view.getUint8(5)}.${view.getUint8(6)}.${view.getUint8(7)}`;
    return { address, port };
  }
  const socketAddress = new Uint8Array(envelope.buffer, envelope.byteOffset + 4, 28);
  const plain = ipaddr.fromByteArray([...socketAddress.subarray(8, 24)]).toString();
  const isLinkLocal = (view.getUint16(8) & 0xffc0) === 0xfe80;
  const address = isLinkLocal ? `${plain}%${interfaceName(view.getUint32(24, true), calls)}` : plain;
  return { address, port };
}

function interfaceName(index: number, { if_indextoname }: InterfaceCalls): string {
  const name = Buffer.alloc(INTERFACE_NAME);
  return if_indextoname(index, name) === null ? String(index) : name.toString('utf8', 0, name.indexOf(0));
}
