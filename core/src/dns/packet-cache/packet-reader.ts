import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { Admission } from '../admission/admission.js';
import { writeProofAnswer } from '../admission/proof-answer.js';
import { putUint16, putUint32 } from '../wire/bytes.js';
import { HEADER_LENGTH } from '../wire/header.js';
import { OPT_LENGTH, writeOpt } from '../wire/opt-record.js';
import type { QueryView } from '../wire/query-view.js';
import { PacketSlots, SLOT_SIZE, tailAt, Time, WAYS, Word, type PacketMemory } from './packet-memory.js';

/**
 * An upper bound of cached answers, in bytes: a slot's own words are longer than a header and an OPT record with a
 * cookie.
 */
export const LONGEST_CACHED_ANSWER = SLOT_SIZE;

/** Returned instead of a length: no answer is cached, and the resolvers must be asked. */
export const MISS = 0;

/** Returned instead of a length: no answer must be sent, from the cache or elsewhere. */
export const SILENCE = -1;

/**
 * Answers queries from the packet cache, in any thread, with the same bytes as without it. One instance per thread; it
 * allocates nothing.
 */
export class PacketReader {
  private readonly slots: PacketSlots;

  constructor(
    memory: PacketMemory,
    private readonly recursionAvailable: boolean,
  ) {
    this.slots = new PacketSlots(memory);
  }

  /**
   * Writes the answer to a message into `out`, and returns its length; else {@link MISS} or {@link SILENCE}, and then
   * the contents of `out` are undefined. Except after a miss, a response to a rate-limited client has been counted, and
   * `admission.rateVerdict` is the verdict on it.
   *
   * @param length the length of the message in bytes
   * @param out room for {@link LONGEST_CACHED_ANSWER} bytes, not overlapping `message`
   * @param query the view that has just read this message
   * @param admission begun with the client that sent it
   * @param now by the clock of the thread that wrote the answers
   */
  answer(
    query: QueryView,
    message: Uint8Array,
    length: number,
    out: Uint8Array,
    admission: Admission,
    now: Milliseconds,
  ): number {
    const { slots } = this;
    // Packets have RA set, as nearly all clients may forward; this client must not see that.
    if (!admission.mayAsk || !admission.mayForward) return MISS;
    const { words } = slots;
    const first = slots.firstSlot(query.hash);
    for (let slot = first; slot < first + WAYS; slot++) {
      if (slots.tags[slot] !== query.hash) continue;
      const generation = Atomics.load(words, slot * (SLOT_SIZE / 4) + Word.Generation);
      if ((generation & 1) === 0 || !slots.hasKey(slot, query)) continue;
      return this.give(slot, generation, query, message, length, out, admission, now);
    }
    return MISS;
  }

  /**
   * The slot may change during the reading: no value of it leads out of `out` or into an endless loop, and the result
   * is discarded then. An answer that does not fit is left to the resolvers before it is counted, as they count it,
   * too.
   */
  private give(
    slot: number,
    generation: number,
    query: QueryView,
    message: Uint8Array,
    length: number,
    out: Uint8Array,
    admission: Admission,
    now: Milliseconds,
  ): number {
    const { words } = this.slots;
    const start = slot * (SLOT_SIZE / 4);
    if (query.cookieOptionLength !== 0) admission.showCookie(message, query.cookieAt, query.cookieLength, now);
    const total = this.lengthOf(start, query, now);
    if (total === 0 || total > limitFor(admission, query, length)) return MISS;
    if (admission.limited) {
      const verdict = admission.admit(now);
      if (verdict === 'drop') return SILENCE;
      if (verdict === 'slip') return writeProofAnswer(query, message, out, this.recursionAvailable, admission, now);
    }
    this.write(slot, query, message, out, admission, now);
    // The writer ends an answer first and reads its uses then; the reader does the reverse. So an answer that is still
    // live after it was counted is counted in time, and one that has changed meanwhile is never given.
    Atomics.add(words, start + Word.Uses, admission.keepsAlive ? 1 : 0);
    if (Atomics.load(words, start + Word.Generation) === generation) return total;
    admission.takeBack();
    return MISS;
  }

  /** The length of the answer, in bytes; 0 where it has expired. */
  private lengthOf(start: number, query: QueryView, now: Milliseconds): number {
    const { words, times } = this.slots;
    const { questionLength, edns, cookieOptionLength } = query;
    if (!(now < (times[start / 2 + Time.Expiry] as number))) return 0;
    const end = HEADER_LENGTH + questionLength + (words[start + Word.TailLength] as number);
    return edns ? end + OPT_LENGTH + cookieOptionLength + (words[start + Word.OptionsLength] as number) : end;
  }

  private write(
    slot: number,
    query: QueryView,
    message: Uint8Array,
    out: Uint8Array,
    admission: Admission,
    now: Milliseconds,
  ): void {
    const { words, bytes } = this.slots;
    const { questionLength, keyLength, edns } = query;
    const start = slot * (SLOT_SIZE / 4);
    const tailLength = words[start + Word.TailLength] as number;
    const optionsLength = words[start + Word.OptionsLength] as number;
    const questionEnd = HEADER_LENGTH + questionLength;

    out[0] = message[0] as number;
    out[1] = message[1] as number;
    putUint32(out, 2, ((words[start + Word.FlagsAndAnswers] as number) & 0xffff0000) | 1);
    const others = words[start + Word.OtherCounts] as number;
    putUint16(out, 6, (words[start + Word.FlagsAndAnswers] as number) & 0xffff);
    putUint32(out, 8, edns ? others + 1 : others);
    for (let index = HEADER_LENGTH; index < questionEnd; index++) out[index] = message[index] as number;
    const tail = slot * SLOT_SIZE + tailAt(keyLength);
    this.writeTail(start, tail, tailLength, out, questionEnd);
    if (words[start + Word.Ttls] !== 0) this.countDown(start, tail + tailLength + optionsLength, out, questionEnd, now);
    if (!edns) return;
    const { cookieOptionLength } = query;
    let position = writeOpt(out, questionEnd + tailLength, query.dnssecOk, 0, cookieOptionLength + optionsLength);
    if (cookieOptionLength !== 0) position = admission.writeCookieOption(out, position, message, query, now);
    const options = tail + tailLength;
    for (let index = 0; index < optionsLength; index++) out[position++] = bytes[options + index] as number;
  }

  private writeTail(start: number, tail: number, tailLength: number, out: Uint8Array, outAt: number): void {
    const { words, bytes } = this.slots;
    const recordLength = words[start + Word.RotationLength] as number;
    let source = tail;
    let target = outAt;
    if (recordLength !== 0) {
      const count = (words[start + Word.FlagsAndAnswers] as number) & 0xffff;
      const length = Math.min(count * recordLength, tailLength);
      const rotation = (Atomics.add(words, start + Word.Rotation, 1) >>> 0) % count;
      const skipped = rotation * recordLength;
      for (let index = skipped; index < length; index++) out[target++] = bytes[source + index] as number;
      for (let index = 0; index < skipped; index++) out[target++] = bytes[source + index] as number;
      source += length;
    }
    for (const end = tail + tailLength; source < end; source++) out[target++] = bytes[source] as number;
  }

  /** Subtracts the whole seconds since the answer was stored from each TTL, down to 0. */
  private countDown(start: number, ttls: number, out: Uint8Array, outAt: number, now: Milliseconds): void {
    const { bytes, times, words } = this.slots;
    const elapsed = Math.floor((now - (times[start / 2 + Time.Stored] as number)) / 1_000);
    if (!(elapsed > 0)) return;
    const end = ttls + 2 * Math.min(words[start + Word.Ttls] as number, SLOT_SIZE);
    for (let position = ttls; position < end; position += 2) {
      const at = outAt + (((bytes[position] as number) << 8) | (bytes[position + 1] as number));
      const ttl =
        (((out[at] as number) << 24) |
          ((out[at + 1] as number) << 16) |
          ((out[at + 2] as number) << 8) |
          (out[at + 3] as number)) >>>
        0;
      putUint32(out, at, ttl > elapsed ? ttl - elapsed : 0);
    }
  }
}

function limitFor(admission: Admission, { udpLimit }: QueryView, queryLength: number): number {
  if (!admission.overUdp) return LONGEST_CACHED_ANSWER;
  return admission.limited ? Math.min(udpLimit, admission.sizeLimit(queryLength)) : udpLimit;
}
