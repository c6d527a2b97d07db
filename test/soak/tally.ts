import { percentile } from '../bench/percentile.js';

/** What came of one kind of query since somebody last looked. */
export class Tally {
  #latencies: number[] = [];
  asked = 0;
  /** Not answered at all, although asked three times. */
  missing = 0;
  /** Answered, but not as it should be. */
  wrong = 0;
  /** Answered only when asked again. */
  repeated = 0;
  firstFault: string | undefined;

  answered(latency: number): void {
    this.#latencies.push(latency);
  }

  fault(kind: 'missing' | 'wrong', text: string): void {
    this[kind] += 1;
    this.firstFault ??= text;
  }

  /** The latencies since the last time, in milliseconds: p50, p99, p99.9. */
  takePercentiles(): string {
    const sorted = Float64Array.from(this.#latencies).sort();
    this.#latencies = [];
    return sorted.length === 0 ? '–' : [50, 99, 99.9].map((part) => percentile(sorted, part).toFixed(1)).join('/');
  }
}
