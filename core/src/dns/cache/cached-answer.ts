import type { CacheSettings } from '../../config/settings.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsAnswer, ExtendedError, MessageAnswer } from '../../contracts/resolver.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { presentationAt, skipName } from '../wire/compressed-name.js';
import { ExtendedErrorCode, Rcode } from '../wire/dns-parameters.js';
import { HeaderFlag, readFlags } from '../wire/header.js';
import { CheckedAnswer, type MessageCut, type MessageSummary, type RecordSpan } from '../wire/message-sections.js';
import { CacheEntry } from './sieve-store.js';
import { SOA_NUMBERS, type StoredMessage } from './stored-message.js';

/** The TTL of a stale answer, in seconds (RFC 8767, 4). */
const STALE_TTL = 30;

/** An answer with a shorter TTL is not prefetched: it would be prefetched nearly all the time. */
const SHORTEST_RENEWED: Milliseconds = 10_000;

/** The memory of an offset in an array, in bytes. */
const OFFSET_SIZE = 8;

/** The memory of a cut, in bytes. */
const CUT_SIZE = 64;

/** The encoding of stored messages: a string with one character per byte takes 400 bytes less than a Buffer. */
const ENCODING = 'latin1';

/** The memory of an NXDOMAIN cut besides the name itself, in bytes, as measured with Node 20. */
const CUT_OVERHEAD = 100;

/** A stored message, served with its TTLs counted down. */
export class CachedAnswer extends CacheEntry {
  /** When a query for it starts a prefetch. Until then the answer may be repeated without asking the cache. */
  readonly renewedFrom: Milliseconds;
  /** The earliest time of the next prefetch, after one that failed. */
  retryAt: Milliseconds = 0;
  /** The name of the question, in the form of `readName`, where it does not exist according to this answer. */
  readonly deniedName: string | undefined;
  /** Whether no name below it exists, either. */
  readonly deniesBelow: boolean;
  readonly isAuthentic: boolean;
  private readonly text: string;
  private readonly summary: MessageSummary;
  private readonly ttlOffsets: readonly number[];
  private readonly ttl: number;
  private readonly soa: RecordSpan | undefined;
  private readonly cuts: readonly MessageCut[] | undefined;

  constructor(
    key: string,
    { message, summary, ttlOffsets, ttl, denial, cuts }: StoredMessage,
    private readonly storedAt: Milliseconds,
    settings: Pick<CacheSettings, 'stale' | 'prefetch'>,
  ) {
    const expiresAt = storedAt + ttl * 1_000;
    const length = message.length + ttlOffsets.length * OFFSET_SIZE + (summary.extendedError?.length ?? 0);
    const more = denial?.name === undefined ? 0 : denial.name.length + CUT_OVERHEAD;
    super(key, length + more + (cuts?.length ?? 0) * CUT_SIZE, expiresAt, expiresAt + settings.stale);
    const isRenewed = settings.prefetch && ttl * 1_000 >= SHORTEST_RENEWED;
    // From the last tenth of the TTL on.
    this.renewedFrom = isRenewed ? expiresAt - ttl * 100 : expiresAt;
    this.deniedName = denial?.name;
    this.deniesBelow = denial?.coversBelow === true;
    this.isAuthentic = (readFlags(message) & HeaderFlag.AuthenticData) !== 0;
    this.text = message.toString(ENCODING);
    this.summary = summary;
    this.ttlOffsets = ttlOffsets;
    this.ttl = ttl;
    this.soa = denial?.soa;
    this.cuts = cuts;
  }

  /**
   * @param overUdp whether the client asks over UDP: of a long message, it gets the beginning alone, so that a small
   *   query does not cost the copying of a large answer
   */
  answerAt(now: Milliseconds, overUdp = false): MessageAnswer {
    const age = this.ageAt(now);
    if (this.cuts !== undefined) return this.longAnswer(overUdp, (ttl) => ttl - age);
    const message = this.bytes();
    for (const offset of this.ttlOffsets) message.writeUInt32BE(message.readUInt32BE(offset) - age, offset);
    return new CheckedAnswer(message, this.summary, now < this.renewedFrom ? this.renewedFrom : undefined);
  }

  /** The answer after it has expired (RFC 8767; RFC 8914, 4.4 and 4.20). @param overUdp as above */
  staleAnswerAt(now: Milliseconds, overUdp = false): MessageAnswer {
    const code = this.soa === undefined ? ExtendedErrorCode.StaleAnswer : ExtendedErrorCode.StaleNameError;
    const text = `expired ${Math.floor((now - this.expiresAt) / 1_000)} s ago, and no upstream has answered`;
    if (this.cuts !== undefined) return this.longAnswer(overUdp, () => STALE_TTL, { code, text });
    const message = this.bytes();
    for (const offset of this.ttlOffsets) message.writeUInt32BE(STALE_TTL, offset);
    return new CheckedAnswer(message, this.summary, undefined, { code, text });
  }

  /** A message that is too long for a UDP datagram, and so for the packet cache. */
  private longAnswer(overUdp: boolean, aged: (ttl: number) => number, extendedError?: ExtendedError): MessageAnswer {
    const cuts = this.cuts as readonly MessageCut[];
    const end = overUdp ? (cuts.at(-1) as MessageCut).end : this.text.length;
    const message = Buffer.from(this.text.slice(0, end), ENCODING);
    for (const offset of this.ttlOffsets) {
      if (offset >= end) break;
      message.writeUInt32BE(aged(message.readUInt32BE(offset)), offset);
    }
    return new CheckedAnswer(message, this.summary, undefined, extendedError, cuts);
  }

  /** The SOA record that proves that the denied name does not exist. */
  soaAt(now: Milliseconds): ResourceRecord | undefined {
    return this.soa && soaRecord(this.bytes(), this.soa, this.ttl - this.ageAt(now));
  }

  private bytes(): Buffer {
    return Buffer.from(this.text, ENCODING);
  }

  /** In whole seconds, rounded down. */
  private ageAt(now: Milliseconds): number {
    return Math.floor((now - this.storedAt) / 1_000);
  }
}

/** A failure that is cached for a short time (RFC 9520), with an Extended DNS Error that says so (RFC 8914, 4.14). */
export class CachedFailure extends CacheEntry {
  private constructor(
    key: string,
    length: number,
    expiresAt: Milliseconds,
    private readonly answer: DnsAnswer,
  ) {
    super(key, length, expiresAt, expiresAt);
  }

  /** SERVFAIL from an upstream; its own Extended DNS Error is kept beside ours. */
  static ofMessage(key: string, message: Buffer, summary: MessageSummary, expiresAt: Milliseconds): CachedFailure {
    const extendedError = { code: ExtendedErrorCode.CachedError, text: 'an upstream failed a moment ago' };
    const length = message.length + (summary.extendedError?.length ?? 0);
    return new CachedFailure(key, length, expiresAt, new CheckedAnswer(message, summary, undefined, extendedError));
  }

  /** No upstream answered, for this reason, which not everybody may know. */
  static ofReason(key: string, details: string, expiresAt: Milliseconds): CachedFailure {
    const extendedError = { code: ExtendedErrorCode.CachedError, text: 'no upstream answered a moment ago', details };
    return new CachedFailure(key, 2 * details.length, expiresAt, { rcode: Rcode.ServerFailure, extendedError });
  }

  answerAt(): DnsAnswer {
    return this.answer;
  }
}

/** Reads an SOA record (RFC 1035, 3.3.13) and gives it this TTL; `undefined` if it is malformed. */
function soaRecord(message: Buffer, { start, typeAt, end }: RecordSpan, ttl: number): ResourceRecord | undefined {
  const mnameAt = typeAt + 10;
  const rnameAt = skipName(message, mnameAt);
  const numbersAt = end - SOA_NUMBERS;
  if (rnameAt === undefined || rnameAt > numbersAt || skipName(message, rnameAt) !== numbersAt) return undefined;
  const [name, mname, rname] = [start, mnameAt, rnameAt].map((offset) => presentationAt(message, offset));
  if (name === undefined || mname === undefined || rname === undefined) return undefined;
  const [serial, refresh, retry, expire, minimum] = [0, 4, 8, 12, 16].map((offset) =>
    message.readUInt32BE(numbersAt + offset),
  ) as [number, number, number, number, number];
  return { name, type: 'SOA', ttl, mname, rname, serial, refresh, retry, expire, minimum };
}
