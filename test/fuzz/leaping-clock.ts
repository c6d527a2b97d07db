import type { Clock } from '#core/contracts/clock.js';

/** A clock that stands still until it is set, and calls nobody back: what waits for it is given up by other means. */
export class LeapingClock implements Clock {
  time = 1_000_000_000;

  now(): number {
    return this.time;
  }

  wallTime(): number {
    return this.time;
  }

  after(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  sleep(): Promise<void> {
    return new Promise(() => undefined);
  }
}
