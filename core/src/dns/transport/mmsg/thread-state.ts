/** What a receiving thread and the main thread tell each other by shared memory, as words of 32 bits. */
export const ThreadState = {
  /** 1 when the thread is to end. */
  Ending: 0,
  /** Misses on their way to the main thread, in units of {@link MISS_UNIT}. */
  UnderWay: 1,
  /** Replies that the thread could not send, and that nobody has been told of. */
  Unsent: 2,
} as const;

const WORDS = 3;

/** A miss counts once for each such stretch of bytes that it begins. */
export const MISS_UNIT = 512;

/**
 * How many misses may be under way from one thread: as much as the main thread takes in within some hundred
 * milliseconds. Above it the asker gets SERVFAIL.
 */
export const MOST_UNDER_WAY = 8_192;

export function createThreadState(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));
}
