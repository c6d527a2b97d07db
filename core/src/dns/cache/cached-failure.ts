import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsAnswer } from '../../contracts/resolver.js';
import { ExtendedErrorCode, Rcode } from '../wire/dns-parameters.js';
import { type MessageOutline, OutlinedAnswer } from '../wire/message-sections.js';
import { CacheEntry } from './cache-entry.js';

/** That nobody could tell, for a short time (RFC 9520). It says so by an Extended DNS Error (RFC 8914, 4.14). */
export class CachedFailure extends CacheEntry {
  private constructor(
    key: string,
    length: number,
    expiresAt: Milliseconds,
    private readonly answer: DnsAnswer,
  ) {
    super(key, length, expiresAt, expiresAt);
  }

  /** An upstream's SERVFAIL: its own Extended DNS Error stays beside ours. */
  static ofMessage(key: string, message: Buffer, outline: MessageOutline, expiresAt: Milliseconds): CachedFailure {
    const extendedError = { code: ExtendedErrorCode.CachedError, text: 'an upstream failed a moment ago' };
    const length = message.length + (outline.extendedError?.length ?? 0);
    return new CachedFailure(key, length, expiresAt, new OutlinedAnswer(message, outline, undefined, extendedError));
  }

  /** No upstream answered, for this reason. */
  static ofReason(key: string, text: string, expiresAt: Milliseconds): CachedFailure {
    const extendedError = { code: ExtendedErrorCode.CachedError, text };
    return new CachedFailure(key, 2 * text.length, expiresAt, { rcode: Rcode.ServerFailure, extendedError });
  }

  answerAt(): DnsAnswer {
    return this.answer;
  }
}
