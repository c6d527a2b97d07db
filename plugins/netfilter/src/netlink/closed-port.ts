import { folded, sum } from './checksum.js';
import { repairChecksum } from './repair-checksum.js';

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;

/** The flags of TCP (RFC 9293, 3.1). */
const Flag = { FIN: 0x01, SYN: 0x02, RST: 0x04, ACK: 0x10 } as const;

const HOPS = 64;

/** What is quoted at most: all of it fits into packets of 576 bytes (RFC 1812, 4.3.2.3), or 1280 (RFC 4443, 2.4). */
const QUOTED = { 4: 548, 6: 1_232 } as const;

interface Parts {
  readonly version: 4 | 6;
  readonly protocol: number;
  /** Where its header ends. */
  readonly start: number;
  /** Where it ends by its own words. */
  readonly end: number;
  readonly source: Buffer;
  readonly destination: Buffer;
}

/**
 * The IP packet by which a closed port answers: RST for TCP (RFC 9293, 3.10.7.1), "port unreachable" for UDP (RFC 792;
 * RFC 4443, 3.1). `undefined` for what gets none, and for what is damaged.
 */
export function answerOfClosedPort(packet: Buffer): Buffer | undefined {
  const parts = partsOf(packet);
  if (parts?.protocol === TCP) return reset(packet, parts);
  return parts?.protocol === UDP ? unreachable(packet, parts) : undefined;
}

function partsOf(packet: Buffer): Parts | undefined {
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4 && packet.length >= 20) {
    const start = ((packet[0] as number) & 0x0f) * 4;
    const end = packet.readUInt16BE(2);
    const isFirst = (packet.readUInt16BE(6) & 0x1fff) === 0;
    if (start < 20 || end < start + 8 || end > packet.length || !isFirst) return undefined;
    const [source, destination] = [packet.subarray(12, 16), packet.subarray(16, 20)];
    return { version, protocol: packet[9] as number, start, end, source, destination };
  }
  if (version !== 6 || packet.length < 48) return undefined;
  const end = 40 + packet.readUInt16BE(4);
  if (end < 48 || end > packet.length) return undefined;
  const [source, destination] = [packet.subarray(8, 24), packet.subarray(24, 40)];
  return { version, protocol: packet[6] as number, start: 40, end, source, destination };
}

function reset(packet: Buffer, parts: Parts): Buffer | undefined {
  const { start, end } = parts;
  if (end < start + 20) return undefined;
  const flags = packet[start + 13] as number;
  if ((flags & Flag.RST) !== 0) return undefined;
  const answer = Buffer.alloc(20);
  packet.copy(answer, 0, start + 2, start + 4);
  packet.copy(answer, 2, start, start + 2);
  answer[12] = 0x50;
  if ((flags & Flag.ACK) !== 0) {
    packet.copy(answer, 4, start + 8, start + 12);
    answer[13] = Flag.RST;
  } else {
    const header = ((packet[start + 12] as number) >> 4) * 4;
    const payload = Math.max(0, end - start - header);
    const taken = payload + (flags & Flag.SYN ? 1 : 0) + (flags & Flag.FIN ? 1 : 0);
    answer.writeUInt32BE((packet.readUInt32BE(start + 4) + taken) >>> 0, 8);
    answer[13] = Flag.RST | Flag.ACK;
  }
  const whole = Buffer.concat([headerOf(parts, TCP, answer.length), answer]);
  repairChecksum(whole);
  return whole;
}

function unreachable(packet: Buffer, parts: Parts): Buffer {
  const { version, end, source, destination } = parts;
  const quoted = packet.subarray(0, Math.min(end, QUOTED[version]));
  const message = Buffer.alloc(8 + quoted.length);
  quoted.copy(message, 8);
  // The type, and the code for ports.
  message.writeUInt16BE(version === 4 ? 0x0303 : 0x0104, 0);
  const before = version === 4 ? 0 : sum(Buffer.concat([destination, source]), ICMPV6 + message.length);
  message.writeUInt16BE(folded(sum(message, before)), 2);
  return Buffer.concat([headerOf(parts, version === 4 ? ICMP : ICMPV6, message.length), message]);
}

/** The header of a packet back. */
function headerOf({ version, source, destination }: Parts, protocol: number, length: number): Buffer {
  const header = Buffer.alloc(version === 4 ? 20 : 40);
  header[0] = version === 4 ? 0x45 : 0x60;
  if (version === 6) {
    header.writeUInt16BE(length, 4);
    header[6] = protocol;
    header[7] = HOPS;
    destination.copy(header, 8);
    source.copy(header, 24);
    return header;
  }
  header.writeUInt16BE(header.length + length, 2);
  // Not to be fragmented.
  header[6] = 0x40;
  header[8] = HOPS;
  header[9] = protocol;
  destination.copy(header, 12);
  source.copy(header, 16);
  header.writeUInt16BE(folded(sum(header)), 10);
  return header;
}
