import type { DnsAnswer, DnsQuery, RecordsAnswer } from '../../contracts/resolver.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { ipv4Bytes, ipv6Bytes } from '../../net/address-bytes.js';
import { readUint16 } from './bytes.js';
import { Rcode, RecordClass, RecordType } from './dns-parameters.js';
import { canonicalName } from './domain-name.js';
import { echoedFlags, HEADER_LENGTH, HeaderFlag, questionBytes, readFlags } from './header.js';
import { relayMessage } from './message-relay.js';
import { cookieOption, extendedErrorOption, OPT_LENGTH, optBytes } from './opt-record.js';
import { responseLimit, type ReplyTerms } from './reply-terms.js';
import { WireWriter } from './wire-writer.js';

/** The highest TTL, in seconds (RFC 2181, 8). */
const LONGEST_TTL = 2 ** 31 - 1;

/**
 * The response to a query with a resolver's answer; `undefined` for a relayed message that is malformed or answers
 * another question.
 *
 * @throws RangeError for records that cannot be written
 */
export function writeAnswer(
  query: DnsQuery,
  answer: DnsAnswer,
  recursionAvailable: boolean,
  terms: ReplyTerms = {},
): Uint8Array | undefined {
  return 'message' in answer
    ? relayMessage(query, answer, recursionAvailable, terms)
    : writeResponse(query, answer, recursionAvailable, terms);
}

/**
 * The response to a query: its question byte for byte, RD and CD as in the query, an OPT record if and only if the
 * query has one (RFC 6891, 7), names compressed. A response that is too long for the client loses whole RRsets from its
 * end, and has TC set (RFC 2181, 9).
 *
 * @throws RangeError for records that cannot be written
 */
export function writeResponse(
  query: DnsQuery,
  answer: RecordsAnswer,
  recursionAvailable: boolean,
  terms: ReplyTerms = {},
): Uint8Array {
  const question = questionBytes(query.message);
  const limit = responseLimit(query, terms);
  const opt = optFor(query, answer, terms, limit - HEADER_LENGTH - question.length);
  const room = limit - (opt?.length ?? 0);
  const writer = new WireWriter();
  for (let word = 0; word < HEADER_LENGTH; word += 2) writer.uint16(0);
  writer.wireName(question.subarray(0, -4));
  writer.append(question.subarray(-4));

  const answers = writeSets(writer, answer.answers ?? [], room);
  const authorities = answers.complete ? writeSets(writer, answer.authorities ?? [], room) : NOTHING_WRITTEN;
  const truncated = !answers.complete || !authorities.complete || terms.truncated === true;
  if (opt !== undefined) writer.append(opt);

  // No server is authoritative for all classes (RFC 1034, 3.7.1). Without OPT there is no room for the upper bits of an
  // extended rcode.
  const rcode = answer.rcode > 0x0f && opt === undefined ? Rcode.ServerFailure : answer.rcode & 0x0f;
  const flags =
    echoedFlags(query.message) |
    (answer.authoritative === true && query.class === RecordClass.IN ? HeaderFlag.Authoritative : 0) |
    (truncated ? HeaderFlag.Truncated : 0) |
    (recursionAvailable ? HeaderFlag.RecursionAvailable : 0) |
    rcode;
  const header = [readUint16(query.message, 0), flags, 1, answers.count, authorities.count, opt === undefined ? 0 : 1];
  header.forEach((word, index) => writer.patchUint16(index * 2, word));
  return writer.finish();
}

/** The response to a message of which only the header could be read. */
export function writeHeaderOnly(message: Uint8Array, rcode: number, recursionAvailable: boolean): Uint8Array {
  const header = Buffer.alloc(HEADER_LENGTH);
  const opcode = readFlags(message) & 0x7800;
  const available = recursionAvailable ? HeaderFlag.RecursionAvailable : 0;
  header.writeUInt16BE(readUint16(message, 0), 0);
  header.writeUInt16BE(echoedFlags(message) | opcode | available | rcode, 2);
  return header;
}

/** The response to a query for a server cookie alone (RFC 7873, 5.4), without a question. */
export function writeCookieOnly(message: Uint8Array, rcode: number, cookie: Uint8Array): Uint8Array {
  const header = writeHeaderOnly(message, rcode & 0x0f, false);
  header[11] = 1;
  return Buffer.concat([header, optBytes(false, rcode >> 4, cookieOption(cookie))]);
}

const ERROR_HEAD_LENGTH = 6;

/** The reason is cut to the available room: a truncated response would make the client ask again. */
function optFor(
  { edns }: DnsQuery,
  { rcode, extendedError }: RecordsAnswer,
  terms: ReplyTerms,
  room: number,
): Uint8Array | undefined {
  if (edns === undefined) return undefined;
  const cookie = terms.cookie === undefined ? NOTHING : cookieOption(terms.cookie);
  const errorRoom = room - OPT_LENGTH - cookie.length - ERROR_HEAD_LENGTH;
  const error = extendedError === undefined ? NOTHING : extendedErrorOption(extendedError, errorRoom);
  return optBytes(edns.dnssecOk, rcode >> 4, Buffer.concat([cookie, error]));
}

const NOTHING = new Uint8Array();

const NOTHING_WRITTEN = { count: 0, complete: true };

function writeSets(writer: WireWriter, records: readonly ResourceRecord[], room: number): typeof NOTHING_WRITTEN {
  let count = 0;
  for (const set of recordSets(records)) {
    const setAt = writer.position;
    for (const record of set) {
      writeRecord(writer, record);
      if (writer.position <= room) continue;
      writer.rewind(setAt);
      return { count, complete: false };
    }
    count += set.length;
  }
  return { count, complete: true };
}

/**
 * Writes a record of class IN (RFC 1035, 4.1.3).
 * @throws RangeError for data that no record can hold
 */
function writeRecord(writer: WireWriter, record: ResourceRecord): void {
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
function recordSets(records: readonly ResourceRecord[]): Iterable<readonly ResourceRecord[]> {
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
