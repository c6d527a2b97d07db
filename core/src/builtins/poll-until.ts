import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';

const SHORTEST: Milliseconds = 1;
const LONGEST: Milliseconds = 50;
/** The pause grows with the time waited, so that polling adds about a twentieth to a boot of any length. */
const PART_OF_WAIT = 1 / 20;

/** Where many wait at once, they make at most two attempts a millisecond together: others want to be answered, too. */
const SHARE: Milliseconds = 0.5;

/** How long to pause before the next attempt, after so long a wait, where so many wait at once. */
export function pauseAfter(waited: Milliseconds, atOnce = 1): Milliseconds {
  return Math.min(LONGEST, Math.max(SHORTEST, waited * PART_OF_WAIT, atOnce * SHARE));
}

/** Repeats an attempt until it says `true`; rejects with the signal's reason when it aborts first. */
export async function pollUntil(attempt: () => Promise<boolean>, clock: Clock, signal: AbortSignal): Promise<void> {
  const begin = clock.now();
  signal.throwIfAborted();
  while (!(await attempt())) {
    signal.throwIfAborted();
    await clock.sleep(pauseAfter(clock.now() - begin), signal);
  }
}
