import { randomInt } from 'node:crypto';

/**
 * Where hot answers lie, for every thread alike: it goes to a worker as it is, by `workerData` or a message. One thread
 * writes ({@link HotWriter}); any number reads ({@link HotReader}).
 */
export interface HotMemory {
  /** A tag of four bytes for each slot, and behind them the slots. */
  readonly buffer: SharedArrayBuffer;
  /** How many slots there are: a power of two. */
  readonly slots: number;
  /** What hashes begin with, so that nobody outside can choose names that crowd each other out. */
  readonly seed: number;
}

/** What one slot takes, in bytes: an answer that needs more is not kept. */
export const SLOT_SIZE = 1_024;

/** In how many slots, next to each other, a question may lie: their tags share a line of the processor's cache. */
export const WAYS = 8;

const TAG_SIZE = 4;

/** Empty memory. @param slots a power of two, at least {@link WAYS}; 8,192 of them take 8 MiB */
export function createHotMemory(slots = 8_192): HotMemory {
  return { buffer: new SharedArrayBuffer(slots * (TAG_SIZE + SLOT_SIZE)), slots, seed: randomInt(2 ** 32) | 0 };
}
