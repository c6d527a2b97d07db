/** What a receiving thread and the main thread tell each other by shared memory, as words of 32 bits. */
export const ThreadState = {
  /** 1 when the thread is to end. */
  Ending: 0,
  /** Replies that the thread could not send, and that nobody has been told of. */
  Unsent: 1,
} as const;

const WORDS = 2;

export function createThreadState(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));
}
