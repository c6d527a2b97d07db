import { sleepBy } from '../clock.js';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';

const NO_TIMER: Disposable = { [Symbol.dispose]: () => undefined };

/**
 * The clock of one owner, whose timers end with it: the limit of an operation that hangs must not keep the process
 * alive. Once it is disposed no callback is called, and no sleep ends that is not aborted.
 */
export class DisposableClock implements Clock, Disposable {
  readonly #timers = new Set<Disposable>();
  #disposed = false;

  constructor(private readonly clock: Clock) {}

  now(): Milliseconds {
    return this.clock.now();
  }

  wallTime(): Milliseconds {
    return this.clock.wallTime();
  }

  after(delay: Milliseconds, callback: () => void): Disposable {
    if (this.#disposed) return NO_TIMER;
    const timer = this.clock.after(delay, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers.delete(timer);
        timer[Symbol.dispose]();
      },
    };
  }

  sleep(delay: Milliseconds, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, delay, signal);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
  }
}
