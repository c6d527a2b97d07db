import { randomInt } from 'node:crypto';
import type { QueryView } from '../wire/query-view.js';

/**
 * The memory of the packet cache, shared by all threads: it goes to a worker as it is, by `workerData` or a message. One thread
 * writes ({@link PacketCache}); any number reads ({@link PacketReader}).
 */
export interface PacketMemory {
  /** A tag of four bytes for each slot, and behind them the slots. */
  readonly buffer: SharedArrayBuffer;
  /** How many slots there are: a power of two. */
  readonly slots: number;
  /** What hashes begin with: a secret, so that no client can choose names that evict each other. */
  readonly seed: number;
}

/** What one slot takes, in bytes: an answer that needs more is not kept. */
export const SLOT_SIZE = 1_024;

/** In how many slots, next to each other, a question may lie: their tags share a line of the processor's cache. */
export const WAYS = 8;

const TAG_SIZE = 4;

/** Empty memory. @param slots a power of two, at least {@link WAYS}; 8,192 of them take 8 MiB */
export function createPacketMemory(slots = 8_192): PacketMemory {
  return { buffer: new SharedArrayBuffer(slots * (TAG_SIZE + SLOT_SIZE)), slots, seed: randomInt(2 ** 32) | 0 };
}

/**
 * The words of 32 bits at the beginning of each slot.
 *
 * - `Generation`: odd while the slot is live; even while it is empty, ended or being written. Every change counts up.
 * - `Uses`: how often it was given, which only readers change. It is never set back.
 * - `Turn`: by how many records the next answer begins further on.
 * - `KeyLength`, `TailLength`, `OptionsLength` (of the OPT record): in bytes.
 * - `FlagsAndAnswers`, `OtherCounts`: the header behind the id, without the count of questions, which is 1.
 * - `Ttls`: how many TTLs count down.
 * - `RotationLength`: the length of each answer record where they rotate (round robin), else 0.
 */
export const Word = {
  Generation: 0,
  Uses: 1,
  Turn: 2,
  KeyLength: 3,
  FlagsAndAnswers: 4,
  OtherCounts: 5,
  OptionsLength: 6,
  TailLength: 7,
  Ttls: 8,
  RotationLength: 9,
} as const;

/** The doubles of 64 bits in a slot, behind its words: by the clock, in milliseconds. */
export const Time = { Stored: 6, Expiry: 7 } as const;

/** Where the key begins in a slot, in bytes. The tail follows it at the next multiple of four; then options and TTLs. */
export const KEY_AT = 64;

/** Where the tail begins, which is what stands behind the question, as far as an OPT record. */
export function tailAt(keyLength: number): number {
  return KEY_AT + ((keyLength + 3) & ~3);
}

/** The views of this memory that reader and writer share. */
export class PacketSlots {
  /** The hash of what lies in each slot, close together: most looks end here. */
  readonly tags: Int32Array;
  readonly words: Int32Array;
  readonly times: Float64Array;
  readonly bytes: Uint8Array;
  private readonly lastSet: number;

  constructor({ buffer, slots }: PacketMemory) {
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
  hasKey(slot: number, { hash, key, keyLength }: QueryView): boolean {
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
