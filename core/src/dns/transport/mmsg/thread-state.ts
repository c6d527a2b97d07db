import type { Clock } from '../../../contracts/clock.js';
import type { Milliseconds } from '../../../contracts/milliseconds.js';
import type { RefusalKind, Refusals } from '../../admission/refusals.js';

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

/** How long refusals gather in the thread once one was announced: it has no news for the main thread meanwhile. */
const SETTLING: Milliseconds = 250;

/** Takes over what a thread has refused by itself: a flood that it drops costs the main thread a few turns a second. */
export class ThreadRefusals {
  private readonly announced = new Map<ThreadRefusal, string>();
  private timer: Disposable | undefined;

  constructor(
    private readonly state: Int32Array,
    private readonly refusals: Pick<Refusals, 'add'>,
    private readonly clock: Pick<Clock, 'after'>,
  ) {}

  /** The thread has begun to count such refusals, the first of them of this client. */
  announce(kind: ThreadRefusal, client: string): void {
    this.announced.set(kind, client);
    this.timer ??= this.clock.after(SETTLING, () => this.settle());
  }

  /** Takes over all that was announced, now. */
  settle(): void {
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
    for (const [kind, client] of this.announced) {
      this.refusals.add(kind, client, Atomics.exchange(this.state, REFUSAL_WORDS[kind], 0));
    }
    this.announced.clear();
  }

  /** The thread has died: what it has counted without saying so would keep its successor from saying anything. */
  forget(): void {
    this.settle();
    for (const word of Object.values(REFUSAL_WORDS)) Atomics.store(this.state, word, 0);
  }
}

/** The machine's monotonic clock, which all threads share. */
function machineTime(): Milliseconds {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** By how much a time is ahead of the machine's: with this another thread can tell the time of the same clock. */
export function aheadOfMachine(now: Milliseconds): Milliseconds {
  return now - machineTime();
}

/** Tells the time of a clock that is so much ahead of the machine's, in this thread. */
export function timeTeller(ahead: Milliseconds): () => Milliseconds {
  const origin = ahead + machineTime() - performance.now();
  return () => origin + performance.now();
}
