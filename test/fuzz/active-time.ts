/** Nothing between two looks takes longer but being stopped, in milliseconds. */
const LONGEST_STEP = 2_000;

/** The time in which this process has run, in milliseconds: while it is stopped (SIGSTOP), it goes not on. */
export class ActiveTime {
  #last = performance.now();
  #sum = 0;

  now(): number {
    const now = performance.now();
    this.#sum += Math.min(now - this.#last, LONGEST_STEP);
    this.#last = now;
    return this.#sum;
  }
}
