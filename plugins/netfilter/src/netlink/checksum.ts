/** The sum of the Internet's checksum (RFC 1071), added to what has been summed up before. */
export function sum(bytes: Buffer, before = 0): number {
  let total = before;
  for (let index = 0; index + 1 < bytes.length; index += 2) total += bytes.readUInt16BE(index);
  return bytes.length % 2 === 0 ? total : total + (bytes[bytes.length - 1] as number) * 256;
}

/** The checksum that follows from a sum. */
export function folded(total: number): number {
  let left = total;
  while (left > 0xffff) left = (left & 0xffff) + Math.floor(left / 0x1_0000);
  return ~left & 0xffff;
}
