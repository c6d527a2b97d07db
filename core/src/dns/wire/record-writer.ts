import { canonicalName } from './domain-name.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { ipv4Bytes, ipv6Bytes } from '../../net/address-bytes.js';
import { RecordClass, RecordType } from './dns-parameters.js';
import type { WireWriter } from './wire-writer.js';

/** The highest TTL, in seconds (RFC 2181, 8). */
const LONGEST_TTL = 2 ** 31 - 1;

/**
 * Writes a record of class IN (RFC 1035, 4.1.3).
 * @throws RangeError for data that no record can hold
 */
export function writeRecord(writer: WireWriter, record: ResourceRecord): void {
  writer.name(record.name);
  writer.uint16(typeNumber(record));
  writer.uint16(RecordClass.IN);
  if (record.ttl > LONGEST_TTL) throw new RangeError(`a TTL of ${record.ttl} s is too long (RFC 2181, 8)`);
  writer.uint32(record.ttl);
  const lengthAt = writer.position;
  writer.uint16(0);
  writeData(writer, record);
  writer.patchUint16(lengthAt, writer.position - lengthAt - 2);
}

/** The number of a record's type on the wire. */
function typeNumber({ type }: ResourceRecord): number {
  return typeof type === 'number' ? type : RecordType[type];
}

function writeData(writer: WireWriter, record: ResourceRecord): void {
  // A switch would not narrow the numeric types, which carry their data as bytes.
  if (typeof record.type === 'number') writer.append((record as { data: Uint8Array }).data);
  else if (record.type === 'A') writer.append(ipv4Bytes((record as { address: string }).address));
  else if (record.type === 'AAAA') writer.append(ipv6Bytes((record as { address: string }).address));
  else if (record.type === 'TXT') writeStrings(writer, (record as { strings: readonly string[] }).strings);
  else if (record.type === 'SOA') writeSoa(writer, record);
  else writer.name((record as { target: string }).target);
}

type SoaRecord = Extract<ResourceRecord, { type: 'SOA' }>;

function writeSoa(writer: WireWriter, soa: SoaRecord): void {
  writer.name(soa.mname);
  writer.name(soa.rname);
  for (const number of [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum]) writer.uint32(number);
}

function writeStrings(writer: WireWriter, strings: readonly string[]): void {
  if (strings.length === 0) throw new RangeError('a TXT record has at least one string (RFC 1035, 3.3.14)');
  for (const text of strings) {
    const bytes = Buffer.from(text);
    if (bytes.length > 255) throw new RangeError('a TXT string is longer than 255 bytes (RFC 1035, 3.3)');
    writer.uint8(bytes.length);
    writer.append(bytes);
  }
}

/**
 * The RRsets among the records of a section (RFC 2181, 5), in the order in which they begin. A resolver need not keep
 * the records of one set together, nor write their owner in one way.
 */
export function recordSets(records: readonly ResourceRecord[]): Iterable<readonly ResourceRecord[]> {
  const [first] = records;
  if (first === undefined) return [];
  // Nearly every section is a single RRset.
  if (records.every(({ name, type }) => name === first.name && type === first.type)) return [records];
  const sets = new Map<string, ResourceRecord[]>();
  for (const record of records) {
    const key = `${typeNumber(record)} ${canonicalName(record.name)}`;
    const set = sets.get(key);
    if (set === undefined) sets.set(key, [record]);
    else set.push(record);
  }
  return sets.values();
}
