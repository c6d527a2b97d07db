import { crc32 } from 'node:zlib';

const checksumBytes = 4;

/** The stored form of a record: a CRC-32 of the rest, then JSON. LMDB itself has no checksums. */
export function encodeRecord(record: object): Buffer {
  const json = JSON.stringify(record);
  const bytes = Buffer.allocUnsafe(checksumBytes + Buffer.byteLength(json));
  bytes.write(json, checksumBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(checksumBytes)), 0);
  return bytes;
}

export function isIntactRecord(bytes: Buffer): boolean {
  return bytes.length > checksumBytes && bytes.readUInt32LE(0) === crc32(bytes.subarray(checksumBytes));
}

/** @returns `undefined` if the checksum does not match */
export function decodeRecord(bytes: Buffer): object | undefined {
  return isIntactRecord(bytes) ? (JSON.parse(bytes.toString('utf8', checksumBytes)) as object) : undefined;
}
