import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { Chain, Link } from '../chain.js';

/** Something with a time at which it wants to be called. */
export abstract class Due extends Link {
  /** May be changed at any time to a later one, and to an earlier one only by `add`. */
  due: Milliseconds = 0;
  /** Called at or after `due`; whoever does not leave then must have a later `due`. */
  abstract onDue(now: Milliseconds): void;
}

/** Many deadlines, nearly none of which is ever reached, on one timer: a timer for each would cost as much as a packet. */
export class Deadlines {
  private readonly entries = new Chain<Due>();
  private alarm: Disposable | undefined;
  private alarmAt: Milliseconds = Infinity;

  constructor(private readonly clock: Clock) {}

  /** Takes one in, or learns that it is due earlier now. */
  add(entry: Due): void {
    if (entry.after === undefined) this.entries.add(entry);
    if (entry.due < this.alarmAt) this.arm(entry.due);
  }

  delete(entry: Due): void {
    if (this.entries.delete(entry) && this.entries.size === 0) this.disarm();
  }

  private arm(at: Milliseconds): void {
    this.alarm?.[Symbol.dispose]();
    this.alarmAt = at;
    this.alarm = this.clock.after(at - this.clock.now(), () => this.ring());
  }

  private disarm(): void {
    this.alarm?.[Symbol.dispose]();
    this.alarm = undefined;
    this.alarmAt = Infinity;
  }

  private ring(): void {
    const now = this.clock.now();
    this.disarm();
    let earliest: Milliseconds = Infinity;
    for (const entry of this.entries.all()) {
      if (entry.due <= now && entry.after !== undefined) entry.onDue(now);
      if (entry.after !== undefined) earliest = Math.min(earliest, entry.due);
    }
    // Those that were added meanwhile have armed it themselves, if they are earlier.
    if (earliest < this.alarmAt) this.arm(earliest);
  }
}
