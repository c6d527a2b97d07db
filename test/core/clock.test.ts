import assert from 'node:assert/strict';
import { SystemClock } from '#core/clock.js';

describe("the machine's clock", () => {
  const clock = new SystemClock();

  it('tells the wall clock as it is set, and goes on evenly by itself', () => {
    const real = Date.now;
    try {
      Date.now = () => real() + 3_600_000;
      const [before, wallTime] = [clock.now(), clock.wallTime()];
      assert(Math.abs(wallTime - real() - 3_600_000) < 1_000);
      Date.now = () => real() - 3_600_000;
      const step = clock.now() - before;
      assert(step >= 0 && step < 1_000, `it made a step of ${step} ms`);
      assert(clock.wallTime() < wallTime);
    } finally {
      Date.now = real;
    }
  });

  it('sleeps for as long as it is asked to, and not shorter', async () => {
    for (let delay = 1.5; delay < 4; delay += 0.1) {
      const begin = clock.now();
      await clock.sleep(delay);
      const slept = clock.now() - begin;
      assert.ok(slept >= delay, `woke after ${slept} ms of ${delay}`);
    }
  });

  it('waits on where a timer of Node comes early', async () => {
    const real = globalThis.setTimeout;
    globalThis.setTimeout = ((callback: () => void, delay: number) => real(callback, delay / 2)) as typeof setTimeout;
    const begin = clock.now();
    try {
      await clock.sleep(100);
    } finally {
      globalThis.setTimeout = real;
    }
    assert.ok(clock.now() - begin >= 100);
  });

  it('ends a sleep when its signal aborts', async () => {
    const controller = new AbortController();
    const asleep = clock.sleep(60_000, controller.signal);
    controller.abort(new Error('enough'));
    await assert.rejects(asleep, /enough/);
  });

  it('does not begin to sleep when its signal has aborted before', async () => {
    await assert.rejects(clock.sleep(60_000, AbortSignal.abort(new Error('before'))), /before/);
  });

  it('does not call back after the disposal', async () => {
    let calls = 0;
    clock.after(1, () => (calls += 1))[Symbol.dispose]();
    clock.after(Infinity, () => (calls += 1))[Symbol.dispose]();
    await clock.sleep(5);
    assert.equal(calls, 0);
  });
});
