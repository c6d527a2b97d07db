import type { Milliseconds } from '../contracts/milliseconds.js';

/** The pause before the next attempt: it doubles with each failure in a row, up to a bound. */
export class BackOff {
  constructor(
    private readonly first: Milliseconds,
    private readonly longest: Milliseconds,
  ) {}

  /** The pause after `failures` in a row, at least 1. */
  after(failures: number): Milliseconds {
    return Math.min(this.longest, this.first * 2 ** (failures - 1));
  }
}
