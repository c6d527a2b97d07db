import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** By how much an event loop was late, in milliseconds. */
export interface LoopLag {
  readonly max: number;
  readonly p99: number;
}

/** A timer of one millisecond, from whose start the histogram counts. */
const RESOLUTION = 1;
const NANOSECONDS = 1e6;
/** What has held the loop up is seen by the timer after it. */
const SETTLING = 10;

/** Watches this thread's event loop. */
export class LoopWatch {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION });

  private constructor() {
    this.#histogram.enable();
  }

  static async start(): Promise<LoopWatch> {
    const watch = new LoopWatch();
    await sleep(SETTLING);
    watch.#histogram.reset();
    return watch;
  }

  async end(): Promise<LoopLag> {
    await sleep(SETTLING);
    this.#histogram.disable();
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION);
    return { max: late(this.#histogram.max), p99: late(this.#histogram.percentile(99)) };
  }
}
