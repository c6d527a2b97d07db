import type { Milliseconds } from '../../contracts/milliseconds.js';
import { HEADER_LENGTH } from '../wire/header.js';
import { UDP_PAYLOAD_SIZE } from '../wire/opt-record.js';
import { RecordType } from '../wire/record-type.js';
import { SLOT_SIZE, WAYS, type HotMemory } from './hot-memory.js';
import { HotQuery } from './hot-query.js';
import { HotSlots } from './hot-slots.js';
import { tailAt, Time, Word } from './slot-layout.js';

const OPT_LENGTH = 11;

/** The longest answer that comes out of a slot, in bytes: less than it, as the slot's own words are longer than a header and an OPT record. */
export const LONGEST_HOT_ANSWER = SLOT_SIZE;

/**
 * Answers queries from hot memory, in any thread, byte for byte as they would be answered without it. One instance a
 * thread; it allocates nothing.
 */
export class HotReader {
  private readonly slots: HotSlots;
  private readonly query: HotQuery;

  constructor(memory: HotMemory) {
    this.slots = new HotSlots(memory);
    this.query = new HotQuery(memory.seed);
  }

  /**
   * Writes the answer to a message into `out`, and gives its length; 0 where it has to be answered by others, and then
   * `out` may hold anything.
   *
   * @param length how many bytes of `message` are the message
   * @param out room for {@link LONGEST_HOT_ANSWER} bytes, not overlapping `message`
   * @param overUdp whether the asker's limit for UDP counts
   * @param countsAsUse whether the query keeps the unikernel behind it running
   * @param now by the clock of who wrote the answers
   */
  answer(
    message: Uint8Array,
    length: number,
    out: Uint8Array,
    overUdp: boolean,
    countsAsUse: boolean,
    now: Milliseconds,
  ): number {
    const { query, slots } = this;
    if (!query.read(message, length)) return 0;
    const { words } = slots;
    const first = slots.firstSlot(query.hash);
    for (let slot = first; slot < first + WAYS; slot++) {
      if (slots.tags[slot] !== query.hash) continue;
      const start = slot * (SLOT_SIZE / 4);
      const generation = Atomics.load(words, start + Word.Generation);
      if ((generation & 1) === 0 || !slots.hasKey(slot, query)) continue;
      const written = this.write(slot, message, out, overUdp ? query.udpLimit : LONGEST_HOT_ANSWER, now);
      if (written === 0) return 0;
      // The writer ends an answer first and looks at its uses then; here it is the other way round. So an answer that is
      // still live after it has been counted is counted in time, and one that has changed meanwhile is never given.
      Atomics.add(words, start + Word.Uses, countsAsUse ? 1 : 0);
      return Atomics.load(words, start + Word.Generation) === generation ? written : 0;
    }
    return 0;
  }

  /** What is read here may be changing: nothing of it leads out of `out` or on for ever, and it is thrown away then. */
  private write(slot: number, message: Uint8Array, out: Uint8Array, limit: number, now: Milliseconds): number {
    const { words, times } = this.slots;
    const { questionLength, keyLength, edns } = this.query;
    const start = slot * (SLOT_SIZE / 4);
    if (!(now < (times[start / 2 + Time.Expiry] as number))) return 0;
    const tailLength = words[start + Word.TailLength] as number;
    const optionsLength = words[start + Word.OptionsLength] as number;
    const questionEnd = HEADER_LENGTH + questionLength;
    const end = questionEnd + tailLength;
    const total = edns ? end + OPT_LENGTH + optionsLength : end;
    if (total > limit || total < questionEnd) return 0;

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
    if (edns) this.writeOpt(optionsLength, tail + tailLength, out, end);
    return total;
  }

  private writeTail(start: number, tail: number, tailLength: number, out: Uint8Array, outAt: number): void {
    const { words, bytes } = this.slots;
    const recordLength = words[start + Word.RotationLength] as number;
    let source = tail;
    let target = outAt;
    if (recordLength !== 0) {
      const count = (words[start + Word.FlagsAndAnswers] as number) & 0xffff;
      const length = Math.min(count * recordLength, tailLength);
      const turn = (Atomics.add(words, start + Word.Turn, 1) >>> 0) % count;
      const skipped = turn * recordLength;
      for (let index = skipped; index < length; index++) out[target++] = bytes[source + index] as number;
      for (let index = 0; index < skipped; index++) out[target++] = bytes[source + index] as number;
      source += length;
    }
    for (const end = tail + tailLength; source < end; source++) out[target++] = bytes[source] as number;
  }

  /** Takes the whole seconds since the answer was stored off each TTL, down to 0. */
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

  /** Our own OPT record, as `optBytes` makes it. */
  private writeOpt(length: number, options: number, out: Uint8Array, at: number): void {
    const { bytes } = this.slots;
    out[at] = 0;
    putUint16(out, at + 1, RecordType.OPT);
    putUint16(out, at + 3, UDP_PAYLOAD_SIZE);
    putUint16(out, at + 5, 0);
    putUint16(out, at + 7, this.query.dnssecOk ? 0x8000 : 0);
    putUint16(out, at + 9, length);
    for (let index = 0; index < length; index++) out[at + OPT_LENGTH + index] = bytes[options + index] as number;
  }
}

function putUint16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}

function putUint32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}
