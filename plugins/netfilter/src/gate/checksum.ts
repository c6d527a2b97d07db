import { UDP } from './protocols.js';

/** The checksum of the Internet (RFC 1071) over bytes, added to what has been summed up before. */
export function sum(bytes: Buffer, before = 0): number {
  let total = before;
  for (let index = 0; index + 1 < bytes.length; index += 2) total += bytes.readUInt16BE(index);
  if (bytes.length % 2 === 1) total += (bytes[bytes.length - 1] as number) << 8;
  return total;
}

export function folded(total: number): number {
  let left = total;
  while (left > 0xffff) left = (left & 0xffff) + Math.floor(left / 0x1_0000);
  return ~left & 0xffff;
}

/**
 * Writes the checksum of TCP or UDP into an IP packet: of a packet that a card was to finish, the kernel has counted it
 * only in part.
 */
export function repairChecksum(packet: Buffer): void {
  const isVersion4 = (packet[0] as number) >> 4 === 4;
  const header = isVersion4 ? ((packet[0] as number) & 0x0f) * 4 : 40;
  const protocol = packet[isVersion4 ? 9 : 6] as number;
  const place = header + (protocol === UDP ? 6 : 16);
  if (packet.length < place + 2) return;
  packet.writeUInt16BE(0, place);
  const addresses = isVersion4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const payload = packet.subarray(header);
  const checksum = folded(sum(payload, sum(addresses, protocol + payload.length)));
  // UDP keeps 0 for packets without one (RFC 768).
  packet.writeUInt16BE(checksum === 0 && protocol === UDP ? 0xffff : checksum, place);
}
