import assert from 'node:assert/strict';
import type { Clock } from '#core/contracts/clock.js';
import { DeadlineEntry, Deadlines } from '#core/dns/forwarder/deadlines.js';

/** A clock whose one alarm rings when the test says so, however late. */
class LateClock implements Pick<Clock, 'now' | 'after'> {
  time = 0;
  alarm: { readonly at: number; readonly callback: () => void } | undefined;

  now(): number {
    return this.time;
  }

  after(delay: number, callback: () => void): Disposable {
    const alarm = { at: this.time + delay, callback };
    this.alarm = alarm;
    return {
      [Symbol.dispose]: () => {
        if (this.alarm === alarm) this.alarm = undefined;
      },
    };
  }

  ring(time: number): void {
    this.time = time;
    const { alarm } = this;
    this.alarm = undefined;
    alarm?.callback();
  }
}

class Entry extends DeadlineEntry {
  readonly rung: number[] = [];

  constructor(
    due: number,
    private readonly deadlines: Deadlines,
  ) {
    super();
    this.due = due;
    deadlines.add(this);
  }

  onDue(now: number): void {
    this.rung.push(now);
    this.deadlines.delete(this);
  }
}

describe('deadlines', () => {
  it('call each when it is due, by one alarm', () => {
    const clock = new LateClock();
    const deadlines = new Deadlines(clock as unknown as Clock);
    const [late, early] = [new Entry(200, deadlines), new Entry(100, deadlines)];
    assert.equal(clock.alarm?.at, 100);
    clock.ring(101);
    assert.deepEqual([early.rung, late.rung], [[101], []]);
    assert.equal(clock.alarm.at, 200);
    clock.ring(200);
    assert.deepEqual(late.rung, [200]);
    assert.equal(clock.alarm, undefined);
  });

  it('let what has arrived be read first where the alarm was held up, once', () => {
    const clock = new LateClock();
    const deadlines = new Deadlines(clock as unknown as Clock);
    const entry = new Entry(100, deadlines);
    clock.ring(1_100);
    assert.deepEqual(entry.rung, []);
    assert.equal(clock.alarm?.at, 1_101);
    clock.ring(2_200);
    assert.deepEqual(entry.rung, [2_200]);
  });

  it('are silent about who has left', () => {
    const clock = new LateClock();
    const deadlines = new Deadlines(clock as unknown as Clock);
    const entry = new Entry(100, deadlines);
    deadlines.delete(entry);
    clock.ring(100);
    assert.deepEqual(entry.rung, []);
    assert.equal(clock.alarm, undefined);
  });
});
