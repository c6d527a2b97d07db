import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { sleepBy } from '../clock.js';

interface Timer {
  readonly due: Milliseconds;
  readonly callback: () => void;
}

/** A clock that only moves when it is advanced, so that tests never wait. Its wall clock is set by itself as well. */
export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>();
  /** How far the wall clock is ahead of `now`. */
  #ahead: Milliseconds = 0;

  constructor(private time: Milliseconds = 1_000_000) {}

  now(): Milliseconds {
    return this.time;
  }

  wallTime(): Milliseconds {
    return this.time + this.#ahead;
  }

  /** Sets the wall clock forwards, or backwards by less than zero, as NTP does, or as after a sleep of the machine. */
  stepWallTime(by: Milliseconds): void {
    this.#ahead += by;
  }

  after(delay: Milliseconds, callback: () => void): Disposable {
    const timer = { due: this.time + Math.max(0, delay), callback };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => this.#timers.delete(timer) };
  }

  sleep(delay: Milliseconds, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, delay, signal);
  }

  /** The number of scheduled callbacks. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Advances by `duration` and runs all callbacks due until then in order, with the promise reactions of each. */
  async advance(duration: Milliseconds): Promise<void> {
    const until = this.time + duration;
    await settle();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#timers.delete(next);
      this.time = Math.max(this.time, next.due);
      next.callback();
      await settle();
    }
    this.time = until;
    await settle();
  }

  /** Moves on and calls nothing, as where the process is stopped: what is due by then is called by the next advance. */
  freeze(duration: Milliseconds): void {
    this.time += duration;
  }

  #next(until: Milliseconds): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= until && (earliest === undefined || timer.due < earliest.due)) earliest = timer;
    }
    return earliest;
  }
}

/** Lets pending promise reactions run; a macrotask runs after all of them. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
