import assert from 'node:assert/strict';
import { DisposableClock } from '#core/lifecycle/disposable-clock.js';
import { ManualClock } from '#core/testing/manual-clock.js';

describe('the clock of one owner', () => {
  let clock: ManualClock;
  let own: DisposableClock;
  let calls: number;

  beforeEach(() => {
    clock = new ManualClock();
    own = new DisposableClock(clock);
    calls = 0;
    own.after(100, () => (calls += 1));
  });

  it('calls back when it is time, and when it is a little late', async () => {
    await clock.advance(99);
    assert.equal(calls, 0);
    await clock.advance(1);
    assert.equal(calls, 1);
    own.after(100, () => (calls += 1));
    clock.freeze(1_000);
    await clock.advance(0);
    assert.equal(calls, 2);
  });

  it('calls back after a freeze when what has come meanwhile is read', async () => {
    clock.freeze(3_600_000);
    await clock.advance(0);
    await clock.advance(249);
    assert.equal(calls, 0);
    await clock.advance(1);
    assert.deepEqual([calls, clock.pending], [1, 0]);
  });

  it('calls nobody once it is disposed of, also not after a freeze', async () => {
    clock.freeze(3_600_000);
    await clock.advance(0);
    own[Symbol.dispose]();
    own.after(1, () => (calls += 1));
    await clock.advance(1_000);
    assert.deepEqual([calls, clock.pending], [0, 0]);
  });
});
