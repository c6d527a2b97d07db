/**
 * A copy with ASCII letters in lower case and every other byte as it is (RFC 4343, 3). Safe on names in wire form too,
 * because a length byte is never a letter.
 */
export function foldCase(bytes: Uint8Array): Uint8Array {
  const folded = new Uint8Array(bytes);
  for (let index = 0; index < folded.length; index++) {
    const byte = folded[index] as number;
    if (byte >= 0x41 && byte <= 0x5a) folded[index] = byte + 0x20;
  }
  return folded;
}
