import type { CacheSettings } from '../../config/settings.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { MessageAnswer } from '../../contracts/resolver.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { ExtendedErrorCode } from '../wire/dns-parameters.js';
import { HeaderFlag, readFlags } from '../wire/header.js';
import { type MessageOutline, OutlinedAnswer } from '../wire/message-sections.js';
import type { RecordSpan } from '../wire/record-walk.js';
import { CacheEntry } from './cache-entry.js';
import type { KeptMessage } from './kept-message.js';
import { soaRecord } from './soa-data.js';

/** The TTL of an answer that has outlived its own, in seconds (RFC 8767, 4). */
const STALE_TTL = 30;

/** An answer with less than this TTL is not renewed ahead of time: that would be to ask all the time. */
const SHORTEST_RENEWED: Milliseconds = 10_000;

/** What an offset in a list takes, in bytes. */
const OFFSET_SIZE = 8;

/** How a message is kept: as a text with a character for each byte, which takes 400 bytes less than a buffer. */
const ENCODING = 'latin1';

/** What it takes to know of a name that it does not exist, beside the name itself, as measured with Node 20, in bytes. */
const DENIAL_OVERHEAD = 100;

/** A message that is kept, and given with its TTLs counted down. */
export class CachedAnswer extends CacheEntry {
  /** From when on whoever asks has it renewed; until then it may be repeated without asking here. */
  readonly renewedFrom: Milliseconds;
  /** A renewal has failed: none is tried before this. */
  retryAt: Milliseconds = 0;
  /** Which name does not exist by this answer, as `readName` gives it. */
  readonly deniedName: string | undefined;
  readonly isAuthentic: boolean;
  private readonly text: string;
  private readonly outline: MessageOutline;
  private readonly ttlOffsets: readonly number[];
  private readonly ttl: number;
  private readonly soa: RecordSpan | undefined;

  constructor(
    key: string,
    { message, outline, ttlOffsets, ttl, denial }: KeptMessage,
    private readonly storedAt: Milliseconds,
    settings: Pick<CacheSettings, 'stale' | 'prefetch'>,
  ) {
    const expiresAt = storedAt + ttl * 1_000;
    const length = message.length + ttlOffsets.length * OFFSET_SIZE + (outline.extendedError?.length ?? 0);
    const more = denial === undefined ? 0 : denial.name.length + DENIAL_OVERHEAD;
    super(key, length + more, expiresAt, expiresAt + settings.stale);
    const renewed = settings.prefetch && ttl * 1_000 >= SHORTEST_RENEWED;
    this.renewedFrom = renewed ? expiresAt - ttl * 100 : expiresAt;
    this.deniedName = denial?.name;
    this.isAuthentic = (readFlags(message) & HeaderFlag.AuthenticData) !== 0;
    this.text = message.toString(ENCODING);
    this.outline = outline;
    this.ttlOffsets = ttlOffsets;
    this.ttl = ttl;
    this.soa = denial?.soa;
  }

  answerAt(now: Milliseconds): MessageAnswer {
    return new OutlinedAnswer(this.messageAt(now), this.outline, now < this.renewedFrom ? this.renewedFrom : undefined);
  }

  private messageAt(now: Milliseconds): Buffer {
    const message = this.bytes();
    const age = this.ageAt(now);
    for (const offset of this.ttlOffsets) message.writeUInt32BE(message.readUInt32BE(offset) - age, offset);
    return message;
  }

  /** What it says once it has expired (RFC 8767; RFC 8914, 4.4 and 4.20). */
  staleAnswerAt(now: Milliseconds): MessageAnswer {
    const message = this.bytes();
    for (const offset of this.ttlOffsets) message.writeUInt32BE(STALE_TTL, offset);
    const code = this.deniedName === undefined ? ExtendedErrorCode.StaleAnswer : ExtendedErrorCode.StaleNameError;
    const text = `expired ${Math.floor((now - this.expiresAt) / 1_000)} s ago, and no upstream has answered`;
    return new OutlinedAnswer(message, this.outline, undefined, { code, text });
  }

  /** The SOA record by which a name does not exist. */
  denialAt(now: Milliseconds): ResourceRecord | undefined {
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
