import { ENVELOPE_WORDS } from '../../../net/datagram-batch.js';

/**
 * The memory by which a receiving thread hands datagrams to the main thread: a ring of entries, each of which is the
 * length of a datagram in bytes, its envelope, and its bytes. Positions count words for ever, modulo 2³².
 */
export type MissRing = SharedArrayBuffer;

/** A datagram that the main thread has to answer. */
export interface Miss {
  readonly message: Uint8Array;
  /** As `DatagramBatch` copies it. */
  readonly envelope: Uint32Array;
}

/** Where words of its control part lie, each in a cache line of its own. */
export const RingWord = {
  /** Up to where the main thread has taken entries. */
  Taken: 0,
  /** Up to where the thread has put them. */
  Put: 16,
  /** 1 when the main thread will not look for entries until it is told. */
  Asleep: 32,
} as const;

export const CONTROL_WORDS = 48;

/** How much may be on its way: some thousands of queries, which the main thread takes in within some hundred milliseconds. */
export const RING_WORDS = 2 ** 18;

/** Before each datagram. */
export const HEAD_WORDS = 1 + ENVELOPE_WORDS;

/** In the place of a length: the next entry stands at the ring's beginning. */
export const SKIP = 0xffff_ffff;

export function createMissRing(): MissRing {
  const ring = new SharedArrayBuffer((CONTROL_WORDS + RING_WORDS) * 4);
  new Int32Array(ring)[RingWord.Asleep] = 1;
  return ring;
}

/** How many words a datagram of this length takes with what stands before it. */
export function entryWords(length: number): number {
  return HEAD_WORDS + ((length + 3) >> 2);
}
