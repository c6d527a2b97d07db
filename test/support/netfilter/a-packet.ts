import { isIPv4 } from 'node:net';
import { bytesOf } from '#netfilter/gate/addresses.js';

export interface PacketParts {
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: 'tcp' | 'udp';
  readonly sourcePort?: number;
  readonly port?: number;
  readonly sequence?: number;
  readonly flags?: number;
}

/** A TCP packet that opens a connection, or a datagram, as the kernel hands it over. */
export function aPacket({
  source = '192.0.2.7',
  destination = '10.77.0.80',
  protocol = 'tcp',
  sourcePort = 40_000,
  port = 80,
  sequence = 1,
  flags = 0x02,
}: PacketParts = {}): Buffer {
  const body = Buffer.alloc(protocol === 'tcp' ? 20 : 12);
  body.writeUInt16BE(sourcePort, 0);
  body.writeUInt16BE(port, 2);
  if (protocol === 'tcp') {
    body.writeUInt32BE(sequence, 4);
    body[12] = 0x50;
    body[13] = flags;
  } else {
    body.writeUInt16BE(body.length, 4);
  }
  const number = protocol === 'tcp' ? 6 : 17;
  if (isIPv4(source)) {
    const header = Buffer.alloc(20);
    header[0] = 0x45;
    header.writeUInt16BE(20 + body.length, 2);
    header[8] = 64;
    header[9] = number;
    bytesOf(source).copy(header, 12);
    bytesOf(destination).copy(header, 16);
    return Buffer.concat([header, body]);
  }
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(body.length, 4);
  header[6] = number;
  header[7] = 64;
  bytesOf(source).copy(header, 8);
  bytesOf(destination).copy(header, 24);
  return Buffer.concat([header, body]);
}
