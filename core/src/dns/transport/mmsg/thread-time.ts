import type { Milliseconds } from '../../../contracts/milliseconds.js';

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
