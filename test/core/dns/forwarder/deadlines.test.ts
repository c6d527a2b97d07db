import assert from 'node:assert/strict';
import type { Clock } from '#core/contracts/clock.js';
import { DeadlineEntry, Deadlines } from '#core/dns/forwarder/deadlines.js';
import { ManualClock } from '#core/testing/manual-clock.js';

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

  it('take 50 ms for the usual lateness of a timer, and more for our own', () => {
    for (const [late, expected] of [
      [50, [150]],
      [51, []],
    ] as const) {
      const clock = new LateClock();
      const entry = new Entry(100, new Deadlines(clock as unknown as Clock));
      clock.ring(100 + late);
      assert.deepEqual(entry.rung, expected);
    }
  });

  it('are late again after they were in time', () => {
    const clock = new LateClock();
    const deadlines = new Deadlines(clock as unknown as Clock);
    const [first, second] = [new Entry(100, deadlines), new Entry(5_000, deadlines)];
    clock.ring(1_000);
    clock.ring(1_001);
    assert.deepEqual(first.rung, [1_001]);
    clock.ring(9_000);
    assert.deepEqual(second.rung, []);
    clock.ring(9_001);
    assert.deepEqual(second.rung, [9_001]);
  });

  it('have one alarm at most, which comes sooner where an entry is due sooner, and is kept where not', () => {
    const clock = new LateClock();
    const deadlines = new Deadlines(clock as unknown as Clock);
    const entry = new Entry(200, deadlines);
    const { alarm } = clock;
    const alarmAt = (): number | undefined => clock.alarm?.at;
    const other = new Entry(200, deadlines);
    assert.equal(clock.alarm, alarm);
    entry.due = 100;
    deadlines.add(entry);
    assert.equal(clock.alarm?.at, 100);
    clock.ring(100);
    assert.deepEqual([entry.rung, other.rung, clock.alarm.at], [[100], [], 200]);
    deadlines[Symbol.dispose]();
    assert.equal(alarmAt(), undefined);
    new Entry(300, deadlines);
    assert.equal(alarmAt(), 300);
  });

  it('dispose of the alarm that another one replaces', async () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    for (const due of [300, 200, 100]) new Entry(clock.now() + due, deadlines);
    assert.equal(clock.pending, 1);
    await clock.advance(300);
    assert.equal(clock.pending, 0);
  });

  it('are not called for what another one has taken out meanwhile', () => {
    const clock = new LateClock();
    const deadlines = new Deadlines(clock as unknown as Clock);
    const [first, second] = [new Entry(100, deadlines), new Entry(100, deadlines)];
    first.onDue = () => {
      deadlines.delete(first);
      deadlines.delete(second);
    };
    clock.ring(100);
    assert.deepEqual([second.rung, clock.alarm], [[], undefined]);
  });

  it('keep an entry that is due again later, and the sooner alarm of one that was added meanwhile', () => {
    const clock = new LateClock();
    const deadlines = new Deadlines(clock as unknown as Clock);
    const [again, late] = [new Entry(100, deadlines), new Entry(400, deadlines)];
    const moments: number[] = [];
    again.onDue = (now) => {
      moments.push(now);
      again.due = 300;
      new Entry(200, deadlines);
    };
    clock.ring(100);
    assert.deepEqual([moments, clock.alarm?.at], [[100], 200]);
    again.onDue = (now) => {
      moments.push(now);
      deadlines.delete(again);
    };
    clock.ring(200);
    assert.equal(clock.alarm?.at, 300);
    clock.ring(300);
    assert.deepEqual([moments, late.rung, clock.alarm?.at], [[100, 300], [], 400]);
  });
});
