import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';

/** The machine's timers come at whole milliseconds and not before their time: that is one attempt for each of them. */
const MIN_PAUSE: Milliseconds = 0.5;
const MAX_PAUSE: Milliseconds = 50;
/** The pause as a share of the time waited so far, so that polling adds about 5 % to a boot of any length. */
const SHARE_OF_WAIT = 1 / 20;

/**
 * The pause per concurrent wait: together they make at most 2 attempts per ms, so that DNS responses are not delayed.
 */
const PAUSE_PER_WAIT: Milliseconds = 0.5;

/** The pause before the next attempt, by the time waited so far and the number of concurrent waits. */
export function pauseAfter(waited: Milliseconds, atOnce = 1): Milliseconds {
  return Math.min(MAX_PAUSE, Math.max(MIN_PAUSE, waited * SHARE_OF_WAIT, atOnce * PAUSE_PER_WAIT));
}

/** Repeats an attempt until it resolves to `true`. Rejects with the signal's reason if it aborts first. */
export async function pollUntil(attempt: () => Promise<boolean>, clock: Clock, signal: AbortSignal): Promise<void> {
  const begin = clock.now();
  signal.throwIfAborted();
  while (!(await attempt())) {
    signal.throwIfAborted();
    await clock.sleep(pauseAfter(clock.now() - begin), signal);
  }
}
