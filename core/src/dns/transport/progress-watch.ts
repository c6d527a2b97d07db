import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';

/** Calls back when something that has to move stands still for too long. */
export class ProgressWatch implements Disposable {
  private timer: Disposable | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly limit: Milliseconds,
    private readonly onStill: () => void,
  ) {}

  /** There is something to wait for from now on; where there was already, its time goes on. */
  begin(): void {
    this.timer ??= this.clock.after(this.limit, this.onStill);
  }

  /** It has moved on: there is nothing to wait for any more, or again only after another `begin`. */
  end(): void {
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
