import { SLOT_SIZE, WAYS, type HotMemory } from './packet-memory.js';
import type { HotPacket } from './cached-packet.js';
import type { HotQuery } from './packet-query.js';
import { HotSlots } from './packet-slots.js';
import { KEY_AT, tailAt, Time, Word } from './slot-layout.js';

/** Writes hot memory. There is one for each memory: readers are many, but nobody else ever writes. */
export class HotWriter {
  private readonly slots: HotSlots;

  constructor(memory: HotMemory) {
    this.slots = new HotSlots(memory);
  }

  /** The slots in which the answer to this question may lie. */
  slotsFor({ hash }: HotQuery): number[] {
    const first = this.slots.firstSlot(hash);
    return Array.from({ length: WAYS }, (_, way) => first + way);
  }

  /** Whether a slot has this question's key, live or not. */
  hasKey(slot: number, query: HotQuery): boolean {
    return this.slots.hasKey(slot, query);
  }

  /** Puts an answer into a slot that is not live, and makes it live. It must fit. */
  write(slot: number, query: HotQuery, packet: HotPacket): void {
    const { tags, words, times, bytes } = this.slots;
    const start = slot * (SLOT_SIZE / 4);
    const { tail, options, ttlOffsets } = packet;
    tags[slot] = query.hash;
    words[start + Word.KeyLength] = query.keyLength;
    // The first turn was that of the answer itself, which its asker has.
    words[start + Word.Turn] = 1;
    words[start + Word.FlagsAndAnswers] = (packet.flags << 16) | packet.answers;
    words[start + Word.OtherCounts] = (packet.authorities << 16) | packet.additionals;
    words[start + Word.OptionsLength] = options.length;
    words[start + Word.TailLength] = tail.length;
    words[start + Word.Ttls] = ttlOffsets.length;
    words[start + Word.RotationLength] = packet.rotationLength;
    times[start / 2 + Time.Stored] = packet.storedAt;
    times[start / 2 + Time.Expiry] = packet.expiresAt;
    words.set(query.key.subarray(0, (query.keyLength + 3) >> 2), start + KEY_AT / 4);
    let position = slot * SLOT_SIZE + tailAt(query.keyLength);
    bytes.set(tail, position);
    bytes.set(options, position + tail.length);
    position += tail.length + options.length;
    for (const offset of ttlOffsets) {
      bytes[position++] = offset >>> 8;
      bytes[position++] = offset;
    }
    Atomics.add(words, start + Word.Generation, 1);
  }

  /** Nobody is given the answer in this slot any more, from now on. It must be live. */
  end(slot: number): void {
    Atomics.add(this.slots.words, slot * (SLOT_SIZE / 4) + Word.Generation, 1);
  }

  /** How often the slot was used since there is this memory; it begins anew after 2³². */
  usesOf(slot: number): number {
    return Atomics.load(this.slots.words, slot * (SLOT_SIZE / 4) + Word.Uses) >>> 0;
  }
}

/** Whether an answer is small enough for a slot. */
export function fitsSlot({ keyLength }: HotQuery, { tail, options, ttlOffsets }: HotPacket): boolean {
  return tailAt(keyLength) + tail.length + options.length + 2 * ttlOffsets.length <= SLOT_SIZE;
}
