import type { Milliseconds } from '../contracts/milliseconds.js';

/** Counts the queries for one DNS name of one unikernel. */
export class NameCounter {
  requests = 0;
  lastAsked: Milliseconds | undefined;

  constructor(
    readonly name: string,
    private readonly onChange: () => void,
  ) {}

  /** A query has come in, or that many. */
  asked(now: Milliseconds, times = 1): void {
    this.requests += times;
    this.lastAsked = now;
    this.onChange();
  }

  /** A query that had to wait is answered only now: the asker's TTL runs from here. */
  answered(now: Milliseconds): void {
    this.lastAsked = now;
    this.onChange();
  }
}
