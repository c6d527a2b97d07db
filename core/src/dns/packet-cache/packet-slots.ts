import { SLOT_SIZE, WAYS, type HotMemory } from './packet-memory.js';
import type { HotQuery } from './packet-query.js';
import { KEY_AT, Word } from './slot-layout.js';

/** Hot memory as reader and writer look at it. */
export class HotSlots {
  /** The hash of what lies in each slot, close together: most looks end here. */
  readonly tags: Int32Array;
  readonly words: Int32Array;
  readonly times: Float64Array;
  readonly bytes: Uint8Array;
  private readonly lastSet: number;

  constructor({ buffer, slots }: HotMemory) {
    const slotsAt = slots * 4;
    this.tags = new Int32Array(buffer, 0, slots);
    this.words = new Int32Array(buffer, slotsAt);
    this.times = new Float64Array(buffer, slotsAt);
    this.bytes = new Uint8Array(buffer, slotsAt);
    this.lastSet = slots / WAYS - 1;
  }

  /** The first of the {@link WAYS} slots for questions of this hash. */
  firstSlot(hash: number): number {
    return ((hash >>> 7) & this.lastSet) * WAYS;
  }

  /** Whether a slot has this question's key. It may be changing at this moment. */
  hasKey(slot: number, { hash, key, keyLength }: HotQuery): boolean {
    if (this.tags[slot] !== hash) return false;
    const start = slot * (SLOT_SIZE / 4);
    if (this.words[start + Word.KeyLength] !== keyLength) return false;
    const keyStart = start + KEY_AT / 4;
    const words = (keyLength + 3) >> 2;
    for (let index = 0; index < words; index++) {
      if (this.words[keyStart + index] !== key[index]) return false;
    }
    return true;
  }
}
