import ipaddr from 'ipaddr.js';
import type { DnsClient } from '../../../contracts/resolver.js';
import type { InterfaceCalls } from '../../../net/socket-address.js';
import { Linux } from '../../../net/linux.js';

/** The words of an envelope that hold an address, without family and port, up to the end of a struct sockaddr_in6. */
const FIRST_WORD = 2;
const LAST_WORD = 7;

/** Reads the senders of datagrams, and caches the last address: a client seldom sends a single query. */
export class ClientReader {
  private readonly last = new Uint32Array(LAST_WORD + 1);
  private lastFamily = 0;
  private lastAddress = '';

  constructor(private readonly calls: InterfaceCalls) {}

  /** @param envelope as `DatagramBatch` copies it */
  of(envelope: Uint32Array): DnsClient {
    const head = envelope[1] as number;
    if ((head & 0xffff) !== this.lastFamily || !this.isLast(envelope)) {
      this.lastAddress = clientOf(envelope, this.calls).address;
      this.lastFamily = head & 0xffff;
      this.last.set(envelope.subarray(0, LAST_WORD + 1));
    }
    // The port follows the family, in network byte order.
    return { address: this.lastAddress, port: ((head >>> 8) & 0xff00) | (head >>> 24), transport: 'udp' };
  }

  private isLast(envelope: Uint32Array): boolean {
    for (let word = FIRST_WORD; word <= LAST_WORD; word++) if (envelope[word] !== this.last[word]) return false;
    return true;
  }
}

/** The longest interface name with its terminating zero, in bytes. */
const INTERFACE_NAME = 16;

/** The sender of a datagram, in the form of Node's own sockets. @param envelope as `DatagramBatch` copies it */
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
