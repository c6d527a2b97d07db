import type { CacheSettings } from '../../config/settings.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { MessageAnswer } from '../../contracts/resolver.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { ExtendedErrorCode } from '../wire/extended-error-code.js';
import { HeaderFlag, readFlags } from '../wire/header.js';
import { OutlinedAnswer } from '../wire/outlined-answer.js';
import { CacheEntry } from './cache-entry.js';
import type { KeptMessage } from './kept-message.js';
import { soaRecord } from './soa-data.js';

/** The TTL of an answer that has outlived its own, in seconds (RFC 8767, 4). */
const STALE_TTL = 30;

/** An answer with less than this TTL is not renewed ahead of time: that would be to ask all the time. */
const SHORTEST_RENEWED: Milliseconds = 10_000;

/** What an offset in a list takes, in bytes. */
const OFFSET_SIZE = 8;

/** A message that is kept, and given with its TTLs counted down. */
export class CachedAnswer extends CacheEntry {
  /** From when on whoever asks has it renewed; until then it may be repeated without asking here. */
  readonly renewedFrom: Milliseconds;
  /** A renewal has failed: none is tried before this. */
  retryAt: Milliseconds = 0;

  constructor(
    key: string,
    private readonly kept: KeptMessage,
    private readonly storedAt: Milliseconds,
    settings: Pick<CacheSettings, 'stale' | 'prefetch'>,
  ) {
    const { message, outline, ttlOffsets, ttl, denial } = kept;
    const expiresAt = storedAt + ttl * 1_000;
    const length = message.length + ttlOffsets.length * OFFSET_SIZE + (outline.extendedError?.length ?? 0);
    super(key, length + (denial?.name.length ?? 0), expiresAt, expiresAt + settings.stale);
    const renewed = settings.prefetch && ttl * 1_000 >= SHORTEST_RENEWED;
    this.renewedFrom = renewed ? expiresAt - ttl * 100 : expiresAt;
  }

  /** The name that does not exist by this answer, as `readName` gives it. */
  get deniedName(): string | undefined {
    return this.kept.denial?.name;
  }

  get isAuthentic(): boolean {
    return (readFlags(this.kept.message) & HeaderFlag.AuthenticData) !== 0;
  }

  answerAt(now: Milliseconds): MessageAnswer {
    const { message: kept, outline, ttlOffsets } = this.kept;
    const message = Buffer.allocUnsafe(kept.length);
    message.set(kept);
    const age = this.ageAt(now);
    for (const offset of ttlOffsets) message.writeUInt32BE(message.readUInt32BE(offset) - age, offset);
    return new OutlinedAnswer(message, outline, now < this.renewedFrom ? { reusableUntil: this.renewedFrom } : {});
  }

  /** What it says once it has expired (RFC 8767; RFC 8914, 4.4 and 4.20). */
  staleAnswerAt(now: Milliseconds): MessageAnswer {
    const { message: kept, outline, ttlOffsets, denial } = this.kept;
    const message = Buffer.from(kept);
    for (const offset of ttlOffsets) message.writeUInt32BE(STALE_TTL, offset);
    const code = denial === undefined ? ExtendedErrorCode.StaleAnswer : ExtendedErrorCode.StaleNameError;
    const text = `expired ${Math.floor((now - this.expiresAt) / 1_000)} s ago, and no upstream has answered`;
    return new OutlinedAnswer(message, outline, { extendedError: { code, text } });
  }

  /** The SOA record by which a name does not exist. */
  denialAt(now: Milliseconds): ResourceRecord | undefined {
    const { denial, message, ttl } = this.kept;
    return denial && soaRecord(message, denial.soa, ttl - this.ageAt(now));
  }

  /** In whole seconds, rounded down. */
  private ageAt(now: Milliseconds): number {
    return Math.floor((now - this.storedAt) / 1_000);
  }
}
