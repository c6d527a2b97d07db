import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { Chain, Link } from '../../collections/chain.js';

/** Something with a time at which it wants to be called. */
export abstract class Due extends Link {
  /** May be changed at any time to a later one, and to an earlier one only by `add`. */
  due: Milliseconds = 0;
  /** Called at or after `due`; whoever does not leave then must have a later `due`. */
  abstract onDue(now: Milliseconds): void;
}

/** An alarm that rings so much too late was held up by ourselves. */
const HELD_UP: Milliseconds = 50;

/** Many deadlines, nearly none of which is ever reached, on one timer: a timer for each would cost as much as a packet. */
export class Deadlines implements Disposable {
  private readonly entries = new Chain<Due>();
  private alarm: Disposable | undefined;
  private alarmAt: Milliseconds = Infinity;
  private heldUp = false;

  constructor(private readonly clock: Clock) {}

  /** Takes one in, or learns that it is due earlier now. */
  add(entry: Due): void {
    if (!entry.isLinked) this.entries.add(entry);
    if (entry.due < this.alarmAt) this.arm(entry.due);
  }

  delete(entry: Due): void {
    // The alarm stays: to set another one for the next entry costs more than to find nothing when it rings.
    this.entries.delete(entry);
  }

  [Symbol.dispose](): void {
    this.disarm();
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
    // What has arrived in time may not have been read yet: that is done first, before the next alarm.
    this.heldUp = !this.heldUp && now - this.alarmAt > HELD_UP;
    this.disarm();
    if (this.heldUp) return this.arm(now + 1);
    let earliest: Milliseconds = Infinity;
    for (const entry of this.entries.all()) {
      if (entry.due <= now && entry.isLinked) entry.onDue(now);
      if (entry.isLinked) earliest = Math.min(earliest, entry.due);
    }
    // Those that were added meanwhile have armed it themselves, if they are earlier.
    if (earliest < this.alarmAt) this.arm(earliest);
  }
}
