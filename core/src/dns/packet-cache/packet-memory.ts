import { randomInt } from 'node:crypto';
import type { QueryView } from '../wire/query-view.js';

/**
 * The memory of the packet cache, shared by all threads: it can be passed to a worker by `workerData` or a message. One
 * thread writes (`PacketCache`); any number reads (`PacketReader`).
 */
export interface PacketMemory {
  /** A tag of four bytes per slot, followed by the slots. */
  readonly buffer: SharedArrayBuffer;
  /** The number of slots: a power of two. */
  readonly slots: number;
  /** The initial value of hashes: a secret, so that no client can choose names that evict each other. */
  readonly seed: number;
}

/** The size of a slot, in bytes: a longer answer is not cached. */
export const SLOT_SIZE = 1_024;

/** The number of adjacent slots in which a question may lie: their tags share a line of the processor's cache. */
export const WAYS = 8;

const TAG_SIZE = 4;

/** Creates empty memory. @param slots a power of two, at least {@link WAYS}; 8,192 of them take 8 MiB */
export function createPacketMemory(slots = 8_192): PacketMemory {
  return { buffer: new SharedArrayBuffer(slots * (TAG_SIZE + SLOT_SIZE)), slots, seed: randomInt(2 ** 32) | 0 };
}

/**
 * The 32-bit words at the beginning of each slot.
 *
 * - `Generation`: odd while the slot is live; even while it is empty, ended or being written. Every change adds one.
 * - `Uses`: how often the answer was given; only readers change it, and it is never reset.
 * - `Rotation`: the number of records by which the next answer is rotated.
 * - `KeyLength`, `TailLength`, `OptionsLength` (of the OPT record): in bytes.
 * - `FlagsAndAnswers`, `OtherCounts`: the header behind the id, without the count of questions, which is 1.
 * - `Ttls`: the number of TTLs that count down.
 * - `RotationLength`: the length of each answer record where they rotate (round robin), else 0, in bytes.
 */
export const Word = {
  Generation: 0,
  Uses: 1,
  Rotation: 2,
  KeyLength: 3,
  FlagsAndAnswers: 4,
  OtherCounts: 5,
  OptionsLength: 6,
  TailLength: 7,
  Ttls: 8,
  RotationLength: 9,
} as const;

/** The 64-bit doubles in a slot, behind its words: times of the clock, in milliseconds. */
export const Time = { Stored: 6, Expiry: 7 } as const;

/** The key's offset in a slot, in bytes. The tail follows at the next multiple of four; then options and TTLs. */
export const KEY_AT = 64;

/** The tail's offset: the bytes behind the question, up to an OPT record. */
export function tailAt(keyLength: number): number {
  return KEY_AT + ((keyLength + 3) & ~3);
}

/** The views of this memory that reader and writer share. */
export class PacketSlots {
  /** The hash of each slot's key, in a compact table: most lookups end here. */
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

  /** The first of the {@link WAYS} slots for questions with this hash. */
  firstSlot(hash: number): number {
    return ((hash >>> 7) & this.lastSet) * WAYS;
  }

  /** Whether a slot has this question's key. The slot may be changing meanwhile. */
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
