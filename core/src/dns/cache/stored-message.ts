import type { CacheSettings } from '../../config/settings.js';
import { MessageNames } from '../wire/compressed-name.js';
import { HEADER_LENGTH, HeaderFlag, readFlags } from '../wire/header.js';
import {
  cutsOf,
  sectionsOf,
  setsOf,
  summaryOf,
  type MessageCut,
  type MessageSections,
  type MessageSummary,
  type RecordSpan,
} from '../wire/message-sections.js';
import { UDP_PAYLOAD_SIZE } from '../wire/opt-record.js';
import { flagsIn, KeyFlag, nameIn } from './cache-key.js';
import { responseKind, type ResponseKind } from './response-kind.js';

const OPCODE = 0x7800;

/** The offset of a record's TTL from its type. */
const TTL_AFTER_TYPE = 4;

/** In seconds (RFC 2181, 8). */
const LONGEST_TTL = 2 ** 31 - 1;

/** The length of the five numbers at the end of an SOA record's data, in bytes (RFC 1035, 3.3.13). */
export const SOA_NUMBERS = 20;

/** A response as it is stored: without an OPT record, without AA, each RRset with one TTL. */
export interface StoredMessage {
  readonly message: Buffer;
  readonly summary: MessageSummary;
  readonly ttlOffsets: readonly number[];
  /** The time for which it may be stored, in seconds: no record in it has a lower TTL. */
  readonly ttl: number;
  /** Present where the message is longer than a UDP datagram: what of it fits into one. */
  readonly cuts?: readonly MessageCut[];
  /** Present in an NXDOMAIN response. */
  readonly denial?: Denial;
}

/** What an NXDOMAIN response says besides the answer to its own question. */
export interface Denial {
  /**
   * The name that does not exist, whatever the type; `undefined` where it is the target of a CNAME record. Who answers
   * for the alias need not be asked about its target.
   */
  readonly name: string | undefined;
  /** Whether no name below it exists, either. */
  readonly coversBelow: boolean;
  /** The SOA record that says so. */
  readonly soa: RecordSpan;
}

/**
 * What the cache may do with a response.
 *
 * - `store`: it is an answer until its TTL ends.
 * - `pass`: it is an answer for the clients that wait for it, and is not stored.
 * - `failure`: SERVFAIL, cached for a short time.
 * - `ignore`: it is not an answer, and nothing is stored.
 */
export type Cacheability =
  | { readonly verdict: 'ignore' | 'pass' }
  | { readonly verdict: 'failure'; readonly message: Buffer; readonly summary: MessageSummary }
  | { readonly verdict: 'store'; readonly stored: StoredMessage };

/**
 * Decides what to do with a response of any bytes to the question of a key. A response that is malformed, truncated, or
 * to another question is ignored.
 * @param given the result of `sectionsOf` for it
 * @param isAuthentic whether DNSSEC has proven it
 * @param known the names of it that have been read
 */
export function cacheability(
  key: string,
  message: Uint8Array,
  given: MessageSections | undefined,
  settings: Pick<CacheSettings, 'longestTtl' | 'negativeTtl'>,
  isAuthentic = false,
  known?: MessageNames,
): Cacheability {
  const [whole, sections] = withOptLast(message, given);
  const names = whole === message && known !== undefined ? known : new MessageNames(whole);
  if (sections === undefined || !isResponseTo(key, whole, sections, names)) return { verdict: 'ignore' };
  const kind = responseKind(whole, sections, names);
  if (kind.kind === 'other') return { verdict: 'ignore' };
  if (kind.kind === 'unfounded') return { verdict: 'pass' };
  if (kind.kind === 'failure') return { verdict: 'failure', ...questionAlone(whole, sections) };
  const stored = storedMessage(key, whole, sections, kind, settings, names, isAuthentic);
  return stored === undefined ? { verdict: 'pass' } : { verdict: 'store', stored };
}

/** The message with the records behind its OPT record moved in front of it, if there are any. */
function withOptLast(
  message: Uint8Array,
  sections: MessageSections | undefined,
): readonly [Uint8Array, MessageSections | undefined] {
  if (sections === undefined || sections.behindOpt.length === 0) return [message, sections];
  const behind = sections.behindOpt;
  // They follow one another.
  const moved = message.subarray((behind[0] as RecordSpan).start, (behind.at(-1) as RecordSpan).end);
  const whole = Buffer.concat([message.subarray(0, summaryOf(sections).end), moved]);
  const counted = sections.answerCount + sections.authorityCount;
  whole.writeUInt16BE(sections.records.length - counted + behind.length, 10);
  const opt = sections.opt && { opt: sections.opt };
  const found = sectionsOf(whole);
  return [whole, found && { ...found, ...opt }];
}

function isResponseTo(
  key: string,
  message: Uint8Array,
  { questionEnd }: MessageSections,
  names: MessageNames,
): boolean {
  const flags = readFlags(message);
  const whole = (flags & (HeaderFlag.Response | HeaderFlag.Truncated | OPCODE)) === HeaderFlag.Response;
  const typeAndClass = Buffer.from(message.subarray(questionEnd - 4, questionEnd)).toString('latin1');
  return whole && names.at(HEADER_LENGTH) === nameIn(key) && typeAndClass === key.slice(-5, -1);
}

/** @returns undefined for a response that may not be stored */
function storedMessage(
  key: string,
  original: Uint8Array,
  sections: MessageSections,
  kind: Exclude<ResponseKind, { kind: 'failure' | 'unfounded' | 'other' }>,
  settings: Pick<CacheSettings, 'longestTtl' | 'negativeTtl'>,
  names: MessageNames,
  isAuthentic: boolean,
): StoredMessage | undefined {
  const summary = summaryOf(sections);
  const message = cleanCopy(original, summary, flagsIn(key));
  const { records, answerCount } = sections;
  const longest = Math.floor(settings.longestTtl / 1_000);
  const sets = setsOf(message, records, names);
  if ('soa' in kind) {
    const minimum = soaMinimum(message, kind.soa);
    if (minimum === undefined) return undefined;
    // RFC 2308, 5; the TTL of NSEC records beside it is no longer (RFC 9077, 3).
    const negative = Math.min(longest, Math.floor(settings.negativeTtl / 1_000), readTtl(message, kind.soa), minimum);
    settleTtls(message, records, sets, longest, 0, answerCount);
    settleTtls(message, records, sets, negative, answerCount);
  } else {
    settleTtls(message, records, sets, longest);
  }
  const ttl = records.reduce((lowest, record) => Math.min(lowest, readTtl(message, record)), longest);
  if (ttl === 0) return undefined;
  const ttlOffsets = records.map(({ typeAt }) => typeAt + TTL_AFTER_TYPE);
  const isLong = message.length > UDP_PAYLOAD_SIZE;
  const cuts = isLong ? { cuts: cutsOf(sections, sets, UDP_PAYLOAD_SIZE) } : undefined;
  const stored = { message, summary, ttlOffsets, ttl, ...cuts };
  if (kind.kind !== 'no-name') return stored;
  const name = kind.name === nameIn(key) ? kind.name : undefined;
  return { ...stored, denial: { name, coversBelow: isAuthentic, soa: kind.soa } };
}

/** A copy up to the summary's end, without AA, and without AD where the client did not ask for it. */
function cleanCopy(original: Uint8Array, summary: MessageSummary, keyFlags: number): Buffer {
  const message = Buffer.allocUnsafe(summary.end);
  message.set(summary.end === original.length ? original : original.subarray(0, summary.end));
  // AD is only for clients that ask for it (RFC 6840, 5.8).
  const wantsAd = (keyFlags & (KeyFlag.DnssecOk | KeyFlag.AuthenticData)) !== 0;
  const removed = HeaderFlag.Authoritative | (wantsAd ? 0 : HeaderFlag.AuthenticData);
  message.writeUInt16BE(readFlags(message) & ~removed, 2);
  message.writeUInt16BE(summary.additionalCount, 10);
  return message;
}

/** The header and the question of a response. */
function questionAlone(
  original: Uint8Array,
  sections: MessageSections,
): { readonly message: Buffer; readonly summary: MessageSummary } {
  const { questionEnd } = sections;
  const nothing = { end: questionEnd, answerCount: 0, authorityCount: 0, additionalCount: 0 };
  const summary = { ...summaryOf(sections), ...nothing };
  // A copy of exactly this size: a slice would keep all of the larger buffer in memory.
  const message = Buffer.from(Uint8Array.from(cleanCopy(original, summary, 0)).buffer);
  message.fill(0, 6, HEADER_LENGTH);
  return { message, summary };
}

/** The MINIMUM field of an SOA record, in seconds; `undefined` for a record that is too short. */
function soaMinimum(message: Buffer, { typeAt, end }: RecordSpan): number | undefined {
  // Each of its two names takes at least one byte.
  return end - (typeAt + 10) < SOA_NUMBERS + 2 ? undefined : message.readUInt32BE(end - 4);
}

/** Reads a TTL, in seconds. One with the highest bit set counts as the longest possible (RFC 8767, 4). */
function readTtl(message: Buffer, { typeAt }: RecordSpan): number {
  return Math.min(message.readUInt32BE(typeAt + TTL_AFTER_TYPE), LONGEST_TTL);
}

/** Sets the TTL of each record to the lowest of its RRset (RFC 2181, 5.2), at most `longest`, in seconds. */
function settleTtls(
  message: Buffer,
  records: readonly RecordSpan[],
  sets: Int32Array,
  longest: number,
  start = 0,
  end = records.length,
): void {
  const lowest = new Int32Array(end).fill(longest);
  for (let index = start; index < end; index++) {
    const set = sets[index] as number;
    lowest[set] = Math.min(readTtl(message, records[index] as RecordSpan), lowest[set] as number);
  }
  for (let index = start; index < end; index++) {
    const { typeAt } = records[index] as RecordSpan;
    message.writeUInt32BE(lowest[sets[index] as number] as number, typeAt + TTL_AFTER_TYPE);
  }
}
