import type { Milliseconds } from './milliseconds.js';

/** The only source of time, so that tests can control it. */
export interface Clock {
  /** The time since the Unix epoch. It never runs backwards, even when the machine's wall clock is set back. */
  now(): Milliseconds;

  /** Calls `callback` once, `delay` from now, unless the returned handle is disposed first. */
  after(delay: Milliseconds, callback: () => void): Disposable;

  /** Resolves `delay` from now; rejects with the signal's reason when it aborts first. */
  sleep(delay: Milliseconds, signal?: AbortSignal): Promise<void>;
}
