import type { Milliseconds } from './milliseconds.js';

/** The only source of time, so that tests can control it. */
export interface Clock {
  /**
   * A time for delays and deadlines. It runs evenly and never backwards, whatever becomes of the machine's wall clock, and
   * stands while the machine sleeps. Only to be compared with other times of this clock.
   */
  now(): Milliseconds;

  /**
   * The time since the Unix epoch by the machine's wall clock, for hours of the day, for what is kept, and for people. It
   * may be set forwards and backwards.
   */
  wallTime(): Milliseconds;

  /** Calls `callback` once, `delay` from now, unless the returned handle is disposed first. */
  after(delay: Milliseconds, callback: () => void): Disposable;

  /** Resolves `delay` from now; rejects with the signal's reason when it aborts first. */
  sleep(delay: Milliseconds, signal?: AbortSignal): Promise<void>;
}
