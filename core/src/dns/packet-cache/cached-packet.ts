import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsAnswer, DnsQuery } from '../../contracts/resolver.js';
import { foldCase } from '../wire/bytes.js';
import { RecordType } from '../wire/dns-parameters.js';
import { HEADER_LENGTH, HeaderFlag, isTruncated, questionBytes, readFlags } from '../wire/header.js';
import {
  CheckedAnswer,
  sectionsOf,
  summaryOf,
  type MessageSections,
  type RecordSpan,
} from '../wire/message-sections.js';
import { optBytes, UDP_PAYLOAD_SIZE } from '../wire/opt-record.js';
import { writeAnswer } from '../wire/response-writer.js';

const NO_OPTIONS = new Uint8Array();

/** A finished answer, split into the parts that are the same for every client with the same question. */
export interface CachedPacket {
  /** The canonical query of this packet: its bytes are those of a plain query. */
  readonly question: Uint8Array;
  /** The whole answer to the canonical query, from which any client's reply can be made. */
  readonly answer: CheckedAnswer;
  /** The bytes between the question and the OPT record. */
  readonly tail: Uint8Array;
  /** The options of the OPT record. */
  readonly options: Uint8Array;
  /** The length of each answer record where their order may rotate, else 0, in bytes. */
  readonly rotationLength: number;
  /** The offsets in the tail of the TTLs that count down. */
  readonly ttlOffsets: readonly number[];
  readonly storedAt: Milliseconds;
  readonly expiresAt: Milliseconds;
}

/**
 * Until when an answer may be repeated: until that time, or without limit as long as its lease holds. 0 where it must
 * not be.
 */
function expiryOf(answer: DnsAnswer): Milliseconds {
  if ('message' in answer) return answer.reusableUntil ?? 0;
  return answer.lease?.holds === true ? Infinity : 0;
}

/** The length of a record without data whose owner is the root, in bytes. */
const SHORTEST_RECORD = 11;

/** Whether an answer can be in no slot, which must not cost the encoding of it for every query. */
function isTooLong(answer: DnsAnswer): boolean {
  if ('message' in answer) return answer.message.length > UDP_PAYLOAD_SIZE;
  const count = (answer.answers?.length ?? 0) + (answer.authorities?.length ?? 0);
  return count * SHORTEST_RECORD > UDP_PAYLOAD_SIZE;
}

/**
 * The packet by which every client with the same question as this query can be answered, until it expires or its lease
 * ends; `undefined` where there is none.
 *
 * @throws RangeError for records that cannot be written
 */
export function packetOf(
  query: DnsQuery,
  answer: DnsAnswer,
  recursionAvailable: boolean,
  now: Milliseconds,
): CachedPacket | undefined {
  const expiresAt = expiryOf(answer);
  // The answer to ANY may depend on the transport, so that a forged source gets no large one (RFC 8482).
  if (expiresAt <= now || query.type === RecordType.ANY || isTooLong(answer)) return undefined;
  const canonical = canonicalQuery(query);
  const reply = writeAnswer(canonical, answer, recursionAvailable);
  // A client that gets a truncated message asks again over TCP, and must not get the same from the cache.
  if (reply === undefined || isTruncated(reply)) return undefined;
  const sections = sectionsOf(reply);
  // A client without EDNS would get another rcode than this one.
  if (sections === undefined || (sections.opt?.extendedRcode ?? 0) > 0) return undefined;
  const { questionEnd, records, opt } = sections;
  const countsDown = 'message' in answer;
  return {
    question: canonical.message,
    // All options are passed on, not only the first error.
    answer: new CheckedAnswer(reply, { ...summaryOf(sections), extendedError: opt?.options }),
    tail: reply.subarray(questionEnd, records.at(-1)?.end ?? questionEnd),
    options: opt?.options ?? NO_OPTIONS,
    rotationLength: countsDown ? 0 : rotationOf(reply, sections),
    ttlOffsets: countsDown ? records.map(({ typeAt }) => typeAt + 4 - questionEnd) : [],
    storedAt: now,
    expiresAt,
  };
}

const DISTINGUISHED_FLAGS = HeaderFlag.RecursionDesired | HeaderFlag.AuthenticData | HeaderFlag.CheckingDisabled;

/**
 * The query that represents all queries of one packet: the same question in lower case, with the same RD, AD, CD and
 * DO, from a client that takes an OPT record and answers of any length.
 */
function canonicalQuery(query: DnsQuery): DnsQuery {
  const { edns, client, message } = query;
  const dnssecOk = edns?.dnssecOk ?? false;
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt16BE(readFlags(message) & DISTINGUISHED_FLAGS, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(1, 10);
  const question = questionBytes(message);
  const name = foldCase(question.subarray(0, -4));
  const bytes = Buffer.concat([header, name, question.subarray(-4), optBytes(dnssecOk)]);
  return {
    ...query,
    message: bytes,
    edns: { payloadSize: bytes.length, dnssecOk },
    client: { ...client, transport: 'inject' },
  };
}

/** Addresses of one RRset and one length can be rotated: none of them holds a name that another could point to. */
function rotationOf(reply: Uint8Array, { records, answerCount }: MessageSections): number {
  const answers = records.slice(0, answerCount);
  const [first] = answers;
  if (first === undefined || answers.length < 2) return 0;
  if (first.type !== RecordType.A && first.type !== RecordType.AAAA) return 0;
  const length = first.end - first.start;
  const alike = answers.every((record) => record.end - record.start === length && headEquals(reply, first, record));
  return alike ? length : 0;
}

/** Whether owner, type and class are equal: owners of one RRset are always written the same way. */
function headEquals(reply: Uint8Array, one: RecordSpan, other: RecordSpan): boolean {
  const head = ({ start, typeAt }: RecordSpan): Uint8Array => reply.subarray(start, typeAt + 4);
  return Buffer.compare(head(one), head(other)) === 0;
}
