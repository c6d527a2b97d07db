const TCP = 6;
const UDP = 17;

/**
 * Writes the checksum of TCP or UDP in an IP packet: that of a packet which has not left this host yet is only begun, as
 * its network card ends it. Other packets, and those that are shorter than they say, stay as they are.
 */
export function repairChecksum(packet: Buffer): void {
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4) {
    const header = ((packet[0] as number) & 0x0f) * 4;
    // A part of a packet has no checksum of its own.
    if (header < 20 || packet.length < header || (packet.readUInt16BE(6) & 0x3fff) !== 0) return;
    repair(packet, packet[9] as number, header, 12, 20);
  } else if (version === 6 && packet.length >= 40) {
    repair(packet, packet[6] as number, 40, 8, 40);
  }
}

function repair(packet: Buffer, protocol: number, start: number, addressesAt: number, addressesEnd: number): void {
  const at = start + (protocol === TCP ? 16 : 6);
  if ((protocol !== TCP && protocol !== UDP) || packet.length < at + 2) return;
  packet.writeUInt16BE(0, at);
  const sum = sumOf(packet, addressesAt, addressesEnd) + sumOf(packet, start, packet.length);
  let folded = sum + protocol + (packet.length - start);
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  const checksum = ~folded & 0xffff;
  // For UDP zero says that there is none (RFC 768).
  packet.writeUInt16BE(checksum === 0 && protocol === UDP ? 0xffff : checksum, at);
}

/** Of words of 16 bits; a last byte is the first half of one. */
function sumOf(packet: Buffer, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at + 1 < end; at += 2) sum += packet.readUInt16BE(at);
  return (end - start) % 2 === 0 ? sum : sum + (packet[end - 1] as number) * 256;
}
