import type { DnsClient, DnsQuery, RecordsAnswer } from '../../contracts/resolver.js';
import { cookieAmong, cookieOption, OPT_LENGTH, readOpt, type OptRecord } from './opt-record.js';
import { ExtendedErrorCode, Rcode, RecordClass, RecordType } from './dns-parameters.js';
import { HEADER_LENGTH, HeaderFlag, readFlags } from './header.js';
import { readUint16 } from './bytes.js';
import { decodeName } from './domain-name.js';
import { walkRecords } from './message-sections.js';
import { SMALLEST_PAYLOAD_SIZE, type QueryView } from './query-view.js';

/** One OPT and one signature record: no other record belongs behind a question. */
const MOST_ADDITIONAL_RECORDS = 2;

/** Types that belong to a single message and that no server has as data (RFC 6895, 3.1). */
const NEVER_ASKED_FOR: readonly number[] = [RecordType.OPT, RecordType.TKEY, RecordType.TSIG];

/**
 * How to treat a received message.
 *
 * - `silent`: no query; any reply could start a loop.
 * - `malformed`: it gets a header with this rcode and nothing else.
 * - `rejected`: a well-formed query that gets this answer without asking a resolver.
 * - `cookie`: no question, but a client cookie, for which a server cookie is wanted (RFC 7873, 5.4).
 * - `accepted`: a query for the resolvers.
 */
export type ParsedMessage =
  | { readonly verdict: 'silent' }
  | { readonly verdict: 'malformed'; readonly rcode: number }
  | { readonly verdict: 'rejected'; readonly query: ParsedQuery; readonly answer: RecordsAnswer }
  | { readonly verdict: 'cookie'; readonly cookie: Uint8Array }
  | { readonly verdict: 'accepted'; readonly query: ParsedQuery };

/** A query whose source is not judged yet: over UDP, it is not proven. */
export type ParsedQuery = Omit<DnsQuery, 'proven'> & { proven: boolean };

const NOTHING = new Uint8Array();

const SILENT: ParsedMessage = { verdict: 'silent' };
const FORMAT_ERROR: ParsedMessage = { verdict: 'malformed', rcode: Rcode.FormatError };
const NOT_IMPLEMENTED: ParsedMessage = { verdict: 'malformed', rcode: Rcode.NotImplemented };

/** Parses a message of any bytes, in time linear in its length. Never throws. */
export function parseQuery(message: Uint8Array, client: DnsClient): ParsedMessage {
  if (message.length < HEADER_LENGTH) return SILENT;
  const flags = readFlags(message);
  if ((flags & HeaderFlag.Response) !== 0) return SILENT;
  if (((flags >> 11) & 0x0f) !== 0) return NOT_IMPLEMENTED;
  const questions = readUint16(message, 4);
  if (questions === 0) return cookieQuery(message);
  if (questions > 1) return FORMAT_ERROR; // A query has exactly one question (RFC 9619).
  const question = readQuestion(message);
  if (question === undefined) return FORMAT_ERROR;

  // An IXFR query carries a record in its authority section (RFC 1995, 3), and is not malformed.
  const authorities = readUint16(message, 8);
  const mostAuthorities = question.type === RecordType.IXFR ? 1 : 0;
  if (readUint16(message, 6) !== 0 || authorities > mostAuthorities) return FORMAT_ERROR;

  const opt = findOpt(message, question.end, authorities);
  if (opt === 'malformed') return FORMAT_ERROR;
  return judge(toQuery(...withoutRest(message, question, opt), client), opt?.version ?? 0);
}

/** The longest OPT record that is kept whole, in bytes: more than any client sends but to pad or to do harm. */
const LONGEST_OPT = 512;

/**
 * Header, question and OPT record alone, in memory of their own, where the message is longer: it is kept as long as the
 * query is pending.
 */
function withoutRest(
  message: Uint8Array,
  question: Question,
  opt: FoundOpt | undefined,
): readonly [Uint8Array, Question, QueryOpt | undefined] {
  const optBytes = opt === undefined ? NOTHING : optToKeep(message, opt);
  if (message.length <= question.end + optBytes.length) return [message, question, opt];
  const kept = new Uint8Array(question.end + optBytes.length);
  kept.set(message.subarray(0, question.end));
  kept.set(optBytes, question.end);
  // One question, and nothing but an OPT record.
  kept.fill(0, 6, HEADER_LENGTH);
  kept[11] = opt === undefined ? 0 : 1;
  // The slice of a Buffer is no copy.
  return [kept, question, opt && { ...opt, cookie: opt.cookie && Uint8Array.from(opt.cookie) }];
}

function optToKeep(message: Uint8Array, { start, end, cookie }: FoundOpt): Uint8Array {
  if (end - start <= LONGEST_OPT) return message.subarray(start, end);
  const options = cookie === undefined ? NOTHING : cookieOption(cookie);
  const record = Buffer.concat([message.subarray(start, start + OPT_LENGTH), options]);
  record.writeUInt16BE(options.length, OPT_LENGTH - 2);
  return record;
}

/** The same for a message that the view has found to be a plain query: only the name is read again, as text. */
export function parsePlainQuery(message: Uint8Array, client: DnsClient, view: QueryView): ParsedMessage {
  const { edns, payloadSize, dnssecOk, cookieAt, cookieLength, cookieOptionLength } = view;
  const cookie = cookieOptionLength === 0 ? undefined : message.subarray(cookieAt, cookieAt + cookieLength);
  const opt = edns ? { payloadSize, dnssecOk, cookie } : undefined;
  return judge(toQuery(message, readQuestion(message) as Question, opt, client), 0);
}

/** The first question of a message. */
interface Question {
  /** Lower case, presentation form. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** The question's end, as an offset in the message. */
  readonly end: number;
}

/** Reads the first question; `undefined` where it is cut off, malformed or compressed (no name precedes it). */
function readQuestion(message: Uint8Array): Question | undefined {
  const decoded = decodeName(message, HEADER_LENGTH);
  if (decoded === undefined || decoded.end + 4 > message.length) return undefined;
  const { name, end } = decoded;
  return { name, type: readUint16(message, end), class: readUint16(message, end + 2), end: end + 4 };
}

function judge(query: ParsedQuery, ednsVersion: number): ParsedMessage {
  if (ednsVersion > 0) return reject(query, Rcode.BadVersion);
  const isTransfer = query.type === RecordType.AXFR || query.type === RecordType.IXFR;
  if (isTransfer) return reject(query, Rcode.Refused, 'no zone transfers');
  if (NEVER_ASKED_FOR.includes(query.type)) return reject(query, Rcode.FormatError);
  if (query.class !== RecordClass.IN && query.class !== RecordClass.ANY) {
    return reject(query, Rcode.Refused, 'only class IN is served');
  }
  return { verdict: 'accepted', query };
}

type QueryOpt = OptRecord & { readonly cookie?: Uint8Array | undefined };

/** With its place in the message. */
type FoundOpt = QueryOpt & { readonly start: number; readonly end: number };

function findOpt(message: Uint8Array, offset: number, skipped = 0): FoundOpt | undefined | 'malformed' {
  const count = readUint16(message, 10);
  if (count + skipped === 0) return undefined;
  if (count > MOST_ADDITIONAL_RECORDS) return 'malformed';
  const records = walkRecords(message, offset, skipped + count);
  if (records === undefined) return 'malformed';
  const found = records.slice(skipped).filter(({ type }) => type === RecordType.OPT);
  const [record] = found;
  if (record === undefined) return undefined;
  const ownedByRoot = record.typeAt === record.start + 1;
  if (found.length > 1 || !ownedByRoot) return 'malformed';
  const opt = readOpt(message, record.start, record.end);
  if (opt === undefined) return 'malformed';
  const cookie = cookieAmong(opt.options);
  return cookie === 'malformed' ? 'malformed' : { ...opt, cookie, start: record.start, end: record.end };
}

function cookieQuery(message: Uint8Array): ParsedMessage {
  if (readUint16(message, 6) !== 0 || readUint16(message, 8) !== 0) return FORMAT_ERROR;
  const opt = findOpt(message, HEADER_LENGTH);
  if (opt === undefined || opt === 'malformed' || opt.version > 0 || opt.cookie === undefined) return FORMAT_ERROR;
  return { verdict: 'cookie', cookie: opt.cookie };
}

function toQuery(
  message: Uint8Array,
  { name, type, class: recordClass }: Question,
  opt: Pick<QueryOpt, 'payloadSize' | 'dnssecOk' | 'cookie'> | undefined,
  client: DnsClient,
): ParsedQuery {
  const flags = readFlags(message);
  const query: ParsedQuery & { edns?: Exclude<DnsQuery['edns'], undefined> } = {
    name,
    type,
    class: recordClass,
    recursionDesired: (flags & HeaderFlag.RecursionDesired) !== 0,
    authenticData: (flags & HeaderFlag.AuthenticData) !== 0,
    checkingDisabled: (flags & HeaderFlag.CheckingDisabled) !== 0,
    client,
    // Over UDP, only the cookie or the network can prove the source.
    proven: client.transport !== 'udp',
    message,
  };
  if (opt === undefined) return query;
  const payloadSize = Math.max(opt.payloadSize, SMALLEST_PAYLOAD_SIZE);
  const { dnssecOk, cookie } = opt;
  query.edns = cookie === undefined ? { payloadSize, dnssecOk } : { payloadSize, dnssecOk, cookie };
  return query;
}

function reject(query: ParsedQuery, rcode: number, text?: string): ParsedMessage {
  const extendedError = { code: ExtendedErrorCode.NotSupported, text: text ?? '' };
  return { verdict: 'rejected', query, answer: text === undefined ? { rcode } : { rcode, extendedError } };
}
