import type { ResourceRecord } from '../../contracts/resource-record.js';
import { readName } from '../wire/compressed-name.js';
import { decodeName } from '../wire/domain-name.js';
import type { RecordSpan } from '../wire/record-walk.js';

/** Five numbers of four bytes end an SOA record's data (RFC 1035, 3.3.13). */
const NUMBERS = 20;

/** The MINIMUM field of an SOA record, in seconds; `undefined` for one that is cut off. */
export function soaMinimum(message: Buffer, { typeAt, end }: RecordSpan): number | undefined {
  // Its two names take a byte each at least.
  return end - (typeAt + 10) < NUMBERS + 2 ? undefined : message.readUInt32BE(end - 4);
}

/** An SOA record written out, with this TTL; `undefined` for one that is malformed. */
export function soaRecord(
  message: Buffer,
  { start, typeAt, end }: RecordSpan,
  ttl: number,
): ResourceRecord | undefined {
  const mnameAt = typeAt + 10;
  const rnameAt = nameEnd(message, mnameAt);
  const numbersAt = end - NUMBERS;
  if (rnameAt > numbersAt || nameEnd(message, rnameAt) !== numbersAt) return undefined;
  const [name, mname, rname] = [start, mnameAt, rnameAt].map((offset) => presentationAt(message, offset));
  if (name === undefined || mname === undefined || rname === undefined) return undefined;
  const [serial, refresh, retry, expire, minimum] = [0, 4, 8, 12, 16].map((offset) =>
    message.readUInt32BE(numbersAt + offset),
  ) as [number, number, number, number, number];
  return { name, type: 'SOA', ttl, mname, rname, serial, refresh, retry, expire, minimum };
}

function nameEnd(message: Buffer, offset: number): number {
  let position = offset;
  for (let size = message[position] ?? 0; size !== 0; size = message[position] ?? 0) {
    if (size >= 0xc0) return position + 2;
    position += size + 1;
  }
  return position + 1;
}

function presentationAt(message: Buffer, offset: number): string | undefined {
  const name = readName(message, offset);
  return name === undefined ? undefined : decodeName(Buffer.from(name, 'latin1'), 0)?.name;
}
