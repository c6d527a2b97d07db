import ipaddr from 'ipaddr.js';
import type { DnsClient } from '../../../contracts/resolver.js';
import { Linux } from '../../../net/linux.js';
import type { InterfaceCalls } from '../../../net/socket-address.js';

/** The longest name of an interface and the zero behind it, in bytes. */
const INTERFACE_NAME = 16;

/** Who sent a datagram, in the words of Node's own sockets. @param envelope as `DatagramBatch` copies it */
export function clientOf(envelope: Uint32Array, calls: InterfaceCalls): DnsClient {
  const view = new DataView(envelope.buffer, envelope.byteOffset + 4, 28);
  const port = view.getUint16(2);
  if (view.getUint16(0, true) === Linux.AF_INET) {
    const address = `${view.getUint8(4)}.${view.getUint8(5)}.${view.getUint8(6)}.${view.getUint8(7)}`;
    return { address, port, transport: 'udp' };
  }
  const socketAddress = new Uint8Array(envelope.buffer, envelope.byteOffset + 4, 28);
  const plain = ipaddr.fromByteArray([...socketAddress.subarray(8, 24)]).toString();
  const isLinkLocal = (view.getUint16(8) & 0xffc0) === 0xfe80;
  const address = isLinkLocal ? `${plain}%${interfaceName(view.getUint32(24, true), calls)}` : plain;
  return { address, port, transport: 'udp' };
}

function interfaceName(index: number, { if_indextoname }: InterfaceCalls): string {
  const name = Buffer.alloc(INTERFACE_NAME);
  return if_indextoname(index, name) === null ? String(index) : name.toString('utf8', 0, name.indexOf(0));
}
