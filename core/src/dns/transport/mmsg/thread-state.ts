import type { RefusalKind } from '../../clients/refusals.js';

/** What a receiving thread and the main thread tell each other by shared memory, as words of 32 bits. */
export const ThreadState = {
  /** 1 when the thread is to end. */
  Ending: 0,
  /** Misses on their way to the main thread, in units of {@link MISS_UNIT}. */
  UnderWay: 1,
  /** Replies that the thread could not send, and that nobody has been told of. */
  Unsent: 2,
  /** What the thread has refused by itself, and that nobody has been told of: see {@link ThreadRefusal}. */
  RateDropped: 3,
  RateCut: 4,
  Client: 5,
} as const;

const WORDS = 6;

/** The kinds of refusals that threads count, each with its word. */
export const REFUSAL_WORDS = {
  rateDropped: ThreadState.RateDropped,
  rateCut: ThreadState.RateCut,
  client: ThreadState.Client,
} as const satisfies Partial<Record<RefusalKind, number>>;

export type ThreadRefusal = keyof typeof REFUSAL_WORDS;

/** A miss counts once for each such stretch of bytes that it begins. */
export const MISS_UNIT = 512;

/**
 * How many misses may be under way from one thread: as much as the main thread takes in within some hundred
 * milliseconds. Above it the asker gets SERVFAIL, as far as it may have anything.
 */
export const MOST_UNDER_WAY = 8_192;

export function createThreadState(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));
}
