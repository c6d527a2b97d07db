import type { Clock } from '../../../contracts/clock.js';
import type { Milliseconds } from '../../../contracts/milliseconds.js';
import type { RefusalKind, Refusals } from '../../admission/refusals.js';

/** The 32-bit words of shared memory by which a receiving thread and the main thread communicate. */
export const ThreadState = {
  /** 1 when the thread is to end. */
  Ending: 0,
  /** Replies that the thread could not send and that are not reported yet. */
  Unsent: 1,
  /** Refusals by the thread that are not reported yet: see {@link ThreadRefusal}. */
  RateDropped: 2,
  RateCut: 3,
  Client: 4,
  Port: 5,
  Malformed: 6,
} as const;

const WORDS = 7;

/** The word of each kind of refusal that threads count. */
export const REFUSAL_WORDS = {
  rateDropped: ThreadState.RateDropped,
  rateCut: ThreadState.RateCut,
  client: ThreadState.Client,
  port: ThreadState.Port,
  malformed: ThreadState.Malformed,
} as const satisfies Partial<Record<RefusalKind, number>>;

export type ThreadRefusal = keyof typeof REFUSAL_WORDS;

export function createThreadState(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));
}

/** How long refusals gather in the thread after the first was announced: meanwhile it sends no messages. */
const SETTLING: Milliseconds = 250;

/**
 * Takes over the refusals that a thread has counted: a flood that it drops costs the main thread a few turns a second.
 */
export class ThreadRefusals {
  private readonly announced = new Map<ThreadRefusal, string>();
  private timer: Disposable | undefined;

  constructor(
    private readonly state: Int32Array,
    private readonly refusals: Pick<Refusals, 'add'>,
    private readonly clock: Pick<Clock, 'after'>,
  ) {}

  /** The thread has begun to count refusals of this kind; the first was of this client. */
  announce(kind: ThreadRefusal, client: string): void {
    this.announced.set(kind, client);
    this.timer ??= this.clock.after(SETTLING, () => this.settle());
  }

  /** Takes over all announced refusals now. */
  settle(): void {
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
    for (const [kind, client] of this.announced) {
      this.refusals.add(kind, client, Atomics.exchange(this.state, REFUSAL_WORDS[kind], 0));
    }
    this.announced.clear();
  }

  /** The thread has died: an unannounced count would keep its successor from announcing any. */
  forget(): void {
    this.settle();
    for (const word of Object.values(REFUSAL_WORDS)) Atomics.store(this.state, word, 0);
  }
}

/** The machine's monotonic clock, which all threads share. */
function machineTime(): Milliseconds {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** How far a time is ahead of the machine's clock: with it another thread can tell the time of the same clock. */
export function aheadOfMachine(now: Milliseconds): Milliseconds {
  return now - machineTime();
}

/** Tells the time of a clock that is ahead of the machine's by so much, in this thread. */
export function timeTeller(ahead: Milliseconds): () => Milliseconds {
  const origin = ahead + machineTime() - performance.now();
  return () => origin + performance.now();
}
