import { SMALLEST_PAYLOAD_SIZE } from './query-view.js';
import { UDP_PAYLOAD_SIZE, cookieOption, extendedErrorOption, OPT_LENGTH, optBytes } from './opt-record.js';
import type { DnsQuery, RecordsAnswer } from '../../contracts/resolver.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { echoedFlags, HEADER_LENGTH, HeaderFlag, readFlags } from './header.js';
import { readUint16 } from './bytes.js';
import { questionBytes } from './question.js';
import { Rcode, RecordClass } from './dns-parameters.js';
import { writeRecord, recordSets } from './record-writer.js';
import { WireWriter } from './wire-writer.js';

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

/** How a response depends on its client, besides the answer. */
export interface ReplyTerms {
  /** The size limit in bytes, where it is below what the client can take. */
  readonly sizeLimit?: number;
  /** The data of the COOKIE option, which only clients with EDNS get. */
  readonly cookie?: Uint8Array;
  /** Whether TC is set although nothing was left out. */
  readonly truncated?: boolean;
}

/** The longest message that a TCP frame can hold (RFC 1035, 4.2.2), in bytes. */
const LONGEST_MESSAGE = 65_535;

/** The size limit of a response, in bytes: what the client can take, and over UDP never above 1232. */
export function responseLimit({ client, edns }: DnsQuery, { sizeLimit = LONGEST_MESSAGE }: ReplyTerms = {}): number {
  if (client.transport !== 'udp') return sizeLimit;
  return Math.min(edns?.payloadSize ?? SMALLEST_PAYLOAD_SIZE, UDP_PAYLOAD_SIZE, sizeLimit);
}
