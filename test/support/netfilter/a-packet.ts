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
  readonly acknowledged?: number;
  /** Of TCP, a multiple of four bytes. */
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
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
  acknowledged = 0,
  options = new Uint8Array(),
  payload = new Uint8Array(),
}: PacketParts = {}): Buffer {
  const body = Buffer.alloc(protocol === 'tcp' ? 20 + options.length + payload.length : 12);
  body.writeUInt16BE(sourcePort, 0);
  body.writeUInt16BE(port, 2);
  if (protocol === 'tcp') {
    body.writeUInt32BE(sequence, 4);
    body.writeUInt32BE(acknowledged, 8);
    body[12] = ((20 + options.length) / 4) << 4;
    body[13] = flags;
    body.set(options, 20);
    body.set(payload, 20 + options.length);
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
