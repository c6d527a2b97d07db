import { TCP, UDP } from './protocols.js';

/** What the gate reads of a packet, all of it at fixed offsets. */
export interface PacketView {
  readonly protocol: 'tcp' | 'udp';
  /** In hexadecimal digits: 8 for IPv4, 32 for IPv6. */
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly port: number;
  /** Whether it opens a TCP connection. */
  readonly isOpening: boolean;
  /**
   * Whether it is TCP and says nothing to a service: an acknowledgement without payload, or with the one byte that some
   * systems send again to know whether a connection is still there.
   */
  readonly isBare: boolean;
  /** Tells a TCP packet from all others of its connection; 0 for UDP. */
  readonly sequence: number;
}

/** The first bits of the flags of TCP (RFC 9293, 3.1). */
const SYN = 0x02;
const ACK = 0x10;
/** FIN, SYN, RST, PSH, ACK and URG. */
const ALL = 0x3f;

/**
 * Reads an IP packet. `undefined` for all that is not TCP or UDP over IPv4, or directly behind the header of IPv6, with
 * its ports: fragments behind the first, and IPv6 with extension headers, are not held.
 */
export function viewPacket(packet: Buffer): PacketView | undefined {
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4) {
    const header = ((packet[0] as number) & 0x0f) * 4;
    if (header < 20 || packet.length < header + 8) return undefined;
    if ((packet.readUInt16BE(6) & 0x1fff) !== 0) return undefined;
    return view(packet, packet[9] as number, header, packet.readUInt16BE(2) - header, 12, 4);
  }
  if (version === 6 && packet.length >= 48) return view(packet, packet[6] as number, 40, packet.readUInt16BE(4), 8, 16);
  return undefined;
}

/** @param size of what is behind the header; nothing positive where the packet does not say it, as it is too long */
function view(
  packet: Buffer,
  protocol: number,
  header: number,
  size: number,
  addresses: number,
  length: number,
): PacketView | undefined {
  const isTcp = protocol === TCP;
  if (!isTcp && protocol !== UDP) return undefined;
  if (isTcp && packet.length < header + 14) return undefined;
  const flags = isTcp ? (packet[header + 13] as number) : 0;
  const payload = size > 0 && isTcp ? size - ((packet[header + 12] as number) >> 4) * 4 : Infinity;
  return {
    protocol: isTcp ? 'tcp' : 'udp',
    source: packet.toString('hex', addresses, addresses + length),
    destination: packet.toString('hex', addresses + length, addresses + 2 * length),
    sourcePort: packet.readUInt16BE(header),
    port: packet.readUInt16BE(header + 2),
    isOpening: isTcp && (flags & (SYN | ACK)) === SYN,
    isBare: (flags & ALL) === ACK && payload <= 1,
    sequence: isTcp ? packet.readUInt32BE(header + 4) : 0,
  };
}
