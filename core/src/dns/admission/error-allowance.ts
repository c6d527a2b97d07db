import type { Milliseconds } from '../../contracts/milliseconds.js';

/** Errors that all clients together get in a second. */
const PER_SECOND = 100;

const INTERVAL: Milliseconds = 1_000 / PER_SECOND;

/**
 * Bounds the errors that are sent over UDP to messages that are no well-formed query, whoever sends them: a forged
 * source may be a service that answers every error with the next such message, without end. Each thread has its own.
 */
export class ErrorAllowance {
  /** The time at which a whole second's errors can be sent at once again. */
  private fullAt: Milliseconds = 0;

  /** Counts an error, and returns whether it may be sent. */
  take(now: Milliseconds): boolean {
    const fullAt = Math.max(this.fullAt, now) + INTERVAL;
    // Half an interval of tolerance, or rounding would take away the last one.
    if (fullAt - now > 1_000 + INTERVAL / 2) return false;
    this.fullAt = fullAt;
    return true;
  }
}
