import type { PacketView } from './packet-view.js';
import { TCP } from './protocols.js';

/** The length of the IP header of a packet. */
export function headerLength(packet: Buffer, { source }: PacketView): number {
  return source.length === 8 ? ((packet[0] as number) & 0x0f) * 4 : 40;
}

/** The packet by which the destination of another one answers, with its checksums left out. @param segment of TCP */
export function packetBack({ source, destination }: PacketView, segment: Buffer): Buffer {
  const header = source.length === 8 ? ipv4Header(segment.length) : ipv6Header(segment.length);
  return Buffer.concat([header, Buffer.from(destination + source, 'hex'), segment]);
}

function ipv4Header(length: number): Buffer {
  const header = Buffer.alloc(12);
  header[0] = 0x45;
  header.writeUInt16BE(20 + length, 2);
  header[8] = 64;
  header[9] = TCP;
  return header;
}

function ipv6Header(length: number): Buffer {
  const header = Buffer.alloc(8);
  header[0] = 0x60;
  header.writeUInt16BE(length, 4);
  header[6] = TCP;
  header[7] = 64;
  return header;
}
