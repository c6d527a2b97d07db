import { performance } from 'node:perf_hooks';
import type { Clock } from './contracts/clock.js';
import type { Milliseconds } from './contracts/milliseconds.js';

/** The longest delay that Node's timers keep; a longer one would fire at once. */
const LONGEST_TIMER: Milliseconds = 2 ** 31 - 1;

/** The machine's own clocks. `now` begins with the wall clock as it is at the start, and goes on by the monotonic one. */
export class SystemClock implements Clock {
  private readonly origin = performance.timeOrigin;

  now(): Milliseconds {
    return this.origin + performance.now();
  }

  wallTime(): Milliseconds {
    return Date.now();
  }

  after(delay: Milliseconds, callback: () => void): Disposable {
    if (delay === Infinity) return { [Symbol.dispose]: () => undefined };
    const due = this.now() + delay;
    let timer: NodeJS.Timeout;
    const arm = (left: Milliseconds): void => {
      timer = setTimeout(fire, Math.min(LONGEST_TIMER, Math.max(0, Math.ceil(left))));
    };
    // Node counts whole milliseconds of a clock of its own: its timers come up to one before their time.
    const fire = (): void => {
      const left = due - this.now();
      if (left > 0) arm(left);
      else callback();
    };
    arm(delay);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  }

  sleep(delay: Milliseconds, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, delay, signal);
  }
}

/** How far the wall clock is ahead of `now`: what is added to a time of `now` for people, and taken off what was kept. */
export function aheadOf(clock: Pick<Clock, 'now' | 'wallTime'>): Milliseconds {
  return clock.wallTime() - clock.now();
}

/** Makes a sleep out of a clock's `after`: rejects with the signal's reason when it aborts first. */
export function sleepBy(clock: Pick<Clock, 'after'>, delay: Milliseconds, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller chose the reason
      reject(signal.reason);
      return;
    }
    const timer = clock.after(delay, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = (): void => {
      timer[Symbol.dispose]();
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller chose the reason
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
