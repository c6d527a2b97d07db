import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { sleepBy } from '../clock.js';

interface Alarm {
  readonly due: Milliseconds;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to advance, so that tests never wait. */
export class ManualClock implements Clock {
  readonly #alarms = new Set<Alarm>();

  constructor(private time: Milliseconds = 1_000_000) {}

  now(): Milliseconds {
    return this.time;
  }

  after(delay: Milliseconds, callback: () => void): Disposable {
    const alarm = { due: this.time + Math.max(0, delay), callback };
    this.#alarms.add(alarm);
    return { [Symbol.dispose]: () => this.#alarms.delete(alarm) };
  }

  sleep(delay: Milliseconds, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, delay, signal);
  }

  /** How many callbacks wait for their time. */
  get pending(): number {
    return this.#alarms.size;
  }

  /** Lets everything that is due up to `duration` from now happen, in order, and what follows from each. */
  async advance(duration: Milliseconds): Promise<void> {
    const until = this.time + duration;
    await settle();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#alarms.delete(next);
      this.time = next.due;
      next.callback();
      await settle();
    }
    this.time = until;
    await settle();
  }

  #next(until: Milliseconds): Alarm | undefined {
    let earliest: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.due <= until && (earliest === undefined || alarm.due < earliest.due)) earliest = alarm;
    }
    return earliest;
  }
}

/** Lets pending promise reactions run; a macrotask comes after all of them. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
