import type { Milliseconds } from '../contracts/milliseconds.js';

/** How long to wait before trying again what failed: doubling with each failure in a row, up to a bound. */
export class BackOff {
  constructor(
    private readonly first: Milliseconds,
    private readonly longest: Milliseconds,
  ) {}

  /** `failures` in a row, at least 1. */
  after(failures: number): Milliseconds {
    return Math.min(this.longest, this.first * 2 ** (failures - 1));
  }
}
