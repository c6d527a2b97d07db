import type { RefusalKind } from '../../admission/refusals.js';

/** What a receiving thread and the main thread tell each other by shared memory, as words of 32 bits. */
export const ThreadState = {
  /** 1 when the thread is to end. */
  Ending: 0,
  /** Replies that the thread could not send, and that nobody has been told of. */
  Unsent: 1,
  /** What the thread has refused by itself, and that nobody has been told of: see {@link ThreadRefusal}. */
  RateDropped: 2,
  RateCut: 3,
  Client: 4,
} as const;

const WORDS = 5;

/** The kinds of refusals that threads count, each with its word. */
export const REFUSAL_WORDS = {
  rateDropped: ThreadState.RateDropped,
  rateCut: ThreadState.RateCut,
  client: ThreadState.Client,
} as const satisfies Partial<Record<RefusalKind, number>>;

export type ThreadRefusal = keyof typeof REFUSAL_WORDS;

export function createThreadState(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));
}
