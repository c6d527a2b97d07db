import type { DnsQuery } from '../../contracts/resolver.js';
import { readUint16 } from '../wire/bytes.js';
import { RecordClass, RecordType } from '../wire/dns-parameters.js';
import { endOfQuestion, HEADER_LENGTH, HeaderFlag, readFlags } from '../wire/header.js';
import { OPT_LENGTH, writeOpt } from '../wire/opt-record.js';
import { Slab } from '../wire/slab.js';
import type { RandomSource } from './random-source.js';

/** Receives the messages for one query from the transport that has sent it. */
export interface ReplyListener {
  /** A message from the upstream with the query's id. The listener checks whether it is a reply to the query. */
  onMessage(message: Uint8Array): void;
  /** Called for a message from the upstream's address, to the query's source port, whose id belongs to no query. */
  onForeignMessage(): void;
  /** Called when no reply will come any more. */
  onLost(reason: Error): void;
}

/** `. NS`, which every resolver can answer, and whose answer is up to nobody that a client could name. */
export const ROOT_QUERY: DnsQuery = {
  name: '',
  type: RecordType.NS,
  class: RecordClass.IN,
  recursionDesired: true,
  authenticData: false,
  checkingDisabled: false,
  proven: true,
  client: { address: '', port: 0, transport: 'inject' },
  message: Uint8Array.of(...new Uint8Array(HEADER_LENGTH), 0, 0, RecordType.NS, 0, RecordClass.IN),
};

const slab = new Slab();

/**
 * The query as it is sent to an upstream: the client's question, its RD, AD, CD and DO, and with `edns` our own OPT
 * record, whether or not the client sent one (EDNS is hop by hop: RFC 6891, 7). The id is 0 until the transport sets
 * it.
 * @param caseFrom gives each letter of the name a random case; without it the name keeps the client's case
 * @param wantsAd sets AD, whether or not the client set it: the reply then says whether DNSSEC has proven it (RFC 6840,
 *   5.7)
 */
export function upstreamQuery(query: DnsQuery, edns: boolean, caseFrom?: RandomSource, wantsAd = false): Uint8Array {
  const end = endOfQuestion(query.message) as number;
  // Without a writer, as this runs for every forwarded query.
  const bytes = slab.take(edns ? end + OPT_LENGTH : end);
  for (let index = 0; index < HEADER_LENGTH; index++) bytes[index] = 0;
  if (query.recursionDesired) bytes[2] = HeaderFlag.RecursionDesired >> 8;
  bytes[3] =
    (query.authenticData || wantsAd ? HeaderFlag.AuthenticData : 0) |
    (query.checkingDisabled ? HeaderFlag.CheckingDisabled : 0);
  bytes[5] = 1;
  for (let index = HEADER_LENGTH; index < end; index++) bytes[index] = query.message[index] as number;
  if (caseFrom !== undefined) mixCase(bytes, HEADER_LENGTH, end - 4, caseFrom);
  if (!edns) return bytes;
  bytes[11] = 1;
  writeOpt(bytes, end, query.edns?.dnssecOk === true, 0, 0);
  return bytes;
}

/** A copy of the query as it is without its OPT record, with the same id. */
export function withoutEdns(query: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(query.subarray(0, endOfQuestion(query)));
  copy[11] = 0;
  return copy;
}

/**
 * Gives each letter of a name a random case, so that a reply with exactly this case is hardly a guess
 * (draft-vixie-dnsext-dns0x20). Length bytes are never letters.
 */
function mixCase(bytes: Uint8Array, start: number, end: number, random: RandomSource): void {
  let bits = 0;
  let left = 0;
  for (let index = start; index < end; index++) {
    const byte = bytes[index] as number;
    const folded = byte | 0x20;
    if (folded < 0x61 || folded > 0x7a) continue;
    if (left === 0) [bits, left] = [random.uint32(), 32];
    bytes[index] = (bits & 1) === 0 ? folded : folded & ~0x20;
    bits >>>= 1;
    left -= 1;
  }
}

/**
 * The relation of a message to the query whose id it has (RFC 5452, 9.1).
 *
 * - `reply`: a response to exactly this question, byte for byte.
 * - `other-case`: a response to this question with letters in another case.
 * - `foreign`: anything else.
 */
export type ReplyKind = 'reply' | 'other-case' | 'foreign';

const OPCODE = 0x7800;

/** Compares a message of any bytes with the query that was sent. */
export function replyKind(query: Uint8Array, message: Uint8Array): ReplyKind {
  const end = endOfQuestion(query) as number;
  if (message.length < end || readUint16(message, 4) !== 1) return 'foreign';
  const flags = readFlags(message);
  if ((flags & HeaderFlag.Response) === 0 || (flags & OPCODE) !== 0) return 'foreign';
  let kind: ReplyKind = 'reply';
  for (let index = HEADER_LENGTH; index < end; index++) {
    const sent = query[index] as number;
    const got = message[index] as number;
    if (sent === got) continue;
    if (index >= end - 4 || !isSameLetter(sent, got)) return 'foreign';
    kind = 'other-case';
  }
  return kind;
}

function isSameLetter(one: number, other: number): boolean {
  const folded = one | 0x20;
  return folded === (other | 0x20) && folded >= 0x61 && folded <= 0x7a;
}

/** Whether two messages have the same question, in the same case. The first one is well-formed. */
export function isSameQuestion(one: Uint8Array, other: Uint8Array): boolean {
  const end = endOfQuestion(one) as number;
  if (other.length < end) return false;
  for (let index = HEADER_LENGTH; index < end; index++) if (one[index] !== other[index]) return false;
  return true;
}

/** Whether there is a capital letter in the name of a well-formed question, as hardly any client writes them. */
export function hasCapital(message: Uint8Array): boolean {
  for (let index = HEADER_LENGTH; index < message.length && message[index] !== 0; index++) {
    const byte = message[index] as number;
    // The lengths of labels are below the letters.
    if (byte >= 0x41 && byte <= 0x5a) return true;
  }
  return false;
}
