import { sleepBy } from '../clock.js';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';

/** How late a timer is that comes after a freeze of the process, or of its machine, or a step of its clock. */
export const FROZEN: Milliseconds = 1_000;

/** The time that the event loop gets after a freeze to read what waits. */
const THAW: Milliseconds = 250;

const NO_TIMER: Disposable = { [Symbol.dispose]: () => undefined };

/**
 * The clock of one owner, whose timers end with it: the limit of an operation that hangs must not keep the process
 * alive. Once it is disposed no callback is called, and no sleep ends that is not aborted.
 *
 * After a freeze, timers are due before anything that has come meanwhile is read. They wait until it is: nobody is given
 * up, or stopped, whose sign of life is there.
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
    const due = this.clock.now() + delay;
    let timer: Disposable;
    const arm = (wait: Milliseconds, ring: () => void): void => {
      timer = this.clock.after(wait, () => {
        this.#timers.delete(timer);
        ring();
      });
      this.#timers.add(timer);
    };
    arm(delay, () => (this.clock.now() - due > FROZEN ? arm(THAW, callback) : callback()));
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
