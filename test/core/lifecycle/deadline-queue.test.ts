import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DeadlineQueue } from '#core/lifecycle/deadline-queue.js';
import { ManualClock } from '#core/testing/manual-clock.js';

describe('the deadline queue', () => {
  it('calls back for every item exactly when it is due, whatever was moved or taken out before', async () => {
    const operation = fc.record({ item: fc.nat(20), due: fc.option(fc.nat(500), { nil: undefined }) });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const clock = new ManualClock(0);
        const rung: [number, number][] = [];
        using queue = new DeadlineQueue<number>(clock, (item) => rung.push([clock.now(), item]));
        const expected = new Map<number, number>();
        for (const { item, due } of operations) {
          if (due === undefined) {
            queue.delete(item);
            expected.delete(item);
          } else {
            queue.set(item, due);
            expected.set(item, due);
          }
        }
        await clock.advance(500);
        const byTime = (list: [number, number][]): [number, number][] => list.sort(([a, b], [c, d]) => a - c || b - d);
        assert.deepEqual(byTime(rung), byTime([...expected].map(([item, due]) => [due, item])));
      }),
      { numRuns: 50 },
    );
  });

  it('needs a single timer for any number of items', () => {
    const clock = new ManualClock(0);
    using queue = new DeadlineQueue<number>(clock, () => undefined);
    for (let item = 0; item < 1_000; item += 1) queue.set(item, 10_000 - item);
    assert.equal(clock.pending, 1);
  });

  it('may be given the same item again from within the callback', async () => {
    const clock = new ManualClock(0);
    const rung: number[] = [];
    using queue = new DeadlineQueue<string>(clock, (item) => {
      rung.push(clock.now());
      if (rung.length < 3) queue.set(item, clock.now() + 10);
    });
    queue.set('web', 5);
    await clock.advance(100);
    assert.deepEqual(rung, [5, 15, 25]);
    queue.set('web', 25);
    await clock.advance(0);
    assert.deepEqual(rung, [5, 15, 25, 100], 'the deadline that it had last is as good as any other');
  });

  it('calls back in order for many items, set in any order and moved, each at its moment', async () => {
    for (const moved of [false, true]) {
      const clock = new ManualClock(0);
      const rung: number[] = [];
      using queue = new DeadlineQueue<number>(clock, (item) => {
        assert.equal(clock.now(), dues[item]);
        rung.push(item);
      });
      // 7919 is a prime: these are all different, and in no order.
      const dues = Array.from({ length: 500 }, (_, item) => ((item + 1) * 7_919) % 1_009);
      if (moved) for (const item of dues.keys()) queue.set(item, 1_009 - (dues[item] as number));
      for (const [item, due] of dues.entries()) queue.set(item, due);
      await clock.advance(2_000);
      assert.deepEqual(
        rung,
        [...dues.keys()].sort((a, b) => (dues[a] as number) - (dues[b] as number)),
      );
    }
  });

  it('calls back at its moment for one that is set between the calls for others', async () => {
    const clock = new ManualClock(0);
    const rung: [number, number][] = [];
    using queue = new DeadlineQueue<number>(clock, (item) => rung.push([item, clock.now()]));
    for (const due of [10, 20, 30, 40, 50, 60, 70]) queue.set(due, due);
    await clock.advance(10);
    queue.set(35, 35);
    await clock.advance(90);
    assert.deepEqual(
      rung,
      [10, 20, 30, 35, 40, 50, 60, 70].map((due) => [due, due]),
    );
  });

  it('calls back no more once it is disposed of, whatever it is given then', async () => {
    const clock = new ManualClock(0);
    const rung: string[] = [];
    const queue = new DeadlineQueue<string>(clock, (item) => rung.push(item));
    queue.set('web', 5);
    queue[Symbol.dispose]();
    assert.equal(clock.pending, 0);
    queue.set('db', 3);
    await clock.advance(100);
    assert.deepEqual([rung, clock.pending], [[], 0]);
  });

  it('wakes seldom for a deadline that is far away, and knows to an eighth of the time how long a freeze was', async () => {
    const clock = new ManualClock(0);
    const hour = 3_600_000;
    let wakes = 0;
    const after = clock.after.bind(clock);
    clock.after = (delay, callback) => after(delay, () => ((wakes += 1), callback()));
    const freezes: [number, number][] = [];
    using queue = new DeadlineQueue<string>(
      clock,
      () => undefined,
      (from, to) => freezes.push([from, to]),
    );
    queue.set('web', hour);
    await clock.advance(hour);
    assert.ok(wakes < 60, `${wakes} wakes in an hour`);
    queue.set('web', 2 * hour);
    await clock.advance(hour / 2);
    clock.freeze(hour / 4);
    await clock.advance(0);
    const since = freezes.map(([from]) => from);
    assert.deepEqual(
      freezes.map(([, to]) => to),
      [hour * 1.75],
    );
    assert.ok(
      since.every((from) => from > hour * (1.5 - 1 / 8) && from <= hour * 1.5),
      `since ${since.join()}`,
    );
  });

  it('keeps its timer where a later deadline comes, and moves it where an earlier one does', () => {
    const clock = new ManualClock(1_000);
    const delays: number[] = [];
    const after = clock.after.bind(clock);
    clock.after = (delay, callback) => (delays.push(delay), after(delay, callback));
    using queue = new DeadlineQueue<string>(clock, () => undefined);
    for (const [item, due] of Object.entries({ a: 1_500, b: 1_600, c: 1_500, d: 1_400 })) queue.set(item, due);
    queue.set('d', 1_400);
    assert.deepEqual([delays, clock.pending], [[500, 400], 1]);
  });

  it('calls back for nothing whose deadline is no number', async () => {
    const clock = new ManualClock(0);
    const rung: string[] = [];
    using queue = new DeadlineQueue<string>(clock, (item) => rung.push(item));
    queue.set('web', 5);
    for (const due of [NaN, undefined, Infinity]) {
      queue.set('web', 7);
      queue.set('web', due as number);
    }
    await clock.advance(100);
    assert.deepEqual([rung, clock.pending], [[], 0]);
  });
});
