import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { Chain, Link } from '../../collections/chain.js';

/** An entry with a deadline. */
export abstract class DeadlineEntry extends Link {
  /** May be moved to a later time at any moment, and to an earlier one only by `Deadlines.add`. */
  due: Milliseconds = 0;
  /** Called at or after `due`; the entry then leaves or has a later `due`. */
  abstract onDue(now: Milliseconds): void;
}

/** A timer that fires this much too late was delayed by this process itself. */
const DELAYED: Milliseconds = 50;

/** Many deadlines, few of which are ever reached, on one timer: a timer for each costs as much as a packet. */
export class Deadlines implements Disposable {
  private readonly entries = new Chain<DeadlineEntry>();
  private timer: Disposable | undefined;
  private timerAt: Milliseconds = Infinity;
  private delayed = false;

  constructor(private readonly clock: Clock) {}

  /** Adds an entry, or updates one whose `due` is earlier now. */
  add(entry: DeadlineEntry): void {
    if (!entry.isLinked) this.entries.add(entry);
    if (entry.due < this.timerAt) this.arm(entry.due);
  }

  delete(entry: DeadlineEntry): void {
    // The timer stays: setting it for the next entry costs more than finding nothing due when it fires.
    this.entries.delete(entry);
  }

  [Symbol.dispose](): void {
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
    this.timerAt = Infinity;
  }

  private arm(at: Milliseconds): void {
    this.timer?.[Symbol.dispose]();
    this.timerAt = at;
    this.timer = this.clock.after(at - this.clock.now(), () => this.fire());
  }

  private fire(): void {
    const now = this.clock.now();
    // Replies that arrived in time may still be unread: one more turn of the event loop passes before anything is late.
    this.delayed = !this.delayed && now - this.timerAt > DELAYED;
    this[Symbol.dispose]();
    if (this.delayed) return this.arm(now + 1);
    let earliest: Milliseconds = Infinity;
    for (const entry of this.entries.all()) {
      if (entry.due <= now && entry.isLinked) entry.onDue(now);
      if (entry.isLinked) earliest = Math.min(earliest, entry.due);
    }
    // An entry that was added meanwhile has set the timer itself, if it is earlier.
    if (earliest < this.timerAt) this.arm(earliest);
  }
}
