import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';

/** Calls back when expected progress does not happen in time. */
export class ProgressWatch implements Disposable {
  private timer: Disposable | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly limit: Milliseconds,
    private readonly onStill: () => void,
  ) {}

  /** Starts to wait for progress; where it waits already, the time goes on. */
  begin(): void {
    this.timer ??= this.clock.after(this.limit, this.onStill);
  }

  /** Progress was made: nothing is expected until the next `begin`. */
  end(): void {
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
