import { readName } from '../wire/compressed-name.js';
import type { RecordSpan } from '../wire/record-walk.js';
import { RecordType } from '../wire/dns-parameters.js';
import { readUint16 } from '../wire/bytes.js';

/** Where a record's TTL stands, from its type on. */
export const TTL_AFTER_TYPE = 4;

/** RFC 2181, 8. */
const LONGEST_TTL = 2 ** 31 - 1;

/** Reads a TTL, in seconds. One with the highest bit set counts as the longest there is (RFC 8767, 4). */
export function readTtl(message: Buffer, { typeAt }: RecordSpan): number {
  return Math.min(message.readUInt32BE(typeAt + TTL_AFTER_TYPE), LONGEST_TTL);
}

/** Gives each record its TTL or `longest`, the lower one, and all of an RRset the lowest among them (RFC 2181, 5.2). */
export function settleTtls(message: Buffer, records: readonly RecordSpan[], longest: number): void {
  const lowest = new Map<string, number>();
  const sets = records.map((record) => {
    const set = setOf(message, record);
    lowest.set(set, Math.min(readTtl(message, record), lowest.get(set) ?? longest));
    return set;
  });
  records.forEach(({ typeAt }, index) => {
    message.writeUInt32BE(lowest.get(sets[index] as string) as number, typeAt + TTL_AFTER_TYPE);
  });
}

function setOf(message: Buffer, { start, typeAt, type, end }: RecordSpan): string {
  // Signatures of different types at one name are no set (RFC 4035, 2.2).
  const covered = type === RecordType.RRSIG && end >= typeAt + 12 ? readUint16(message, typeAt + 10) : 0;
  return `${type} ${covered} ${readUint16(message, typeAt + 2)} ${readName(message, start)}`;
}
