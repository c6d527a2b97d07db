import assert from 'node:assert/strict';
import { ProgressWatch } from '#core/dns/transport/progress-watch.js';
import { ManualClock } from '#core/testing/manual-clock.js';

describe('a watch over progress', () => {
  it('counts from the first beginning, however often it is told to begin', async () => {
    const clock = new ManualClock();
    let still = 0;
    const watch = new ProgressWatch(clock, 1_000, () => (still += 1));
    for (let round = 0; round < 10; round++) {
      watch.begin();
      await clock.advance(100);
      assert.equal(still, round < 9 ? 0 : 1);
    }
  });

  it('counts anew after an end, and not at all after the last one', async () => {
    const clock = new ManualClock();
    let still = 0;
    const watch = new ProgressWatch(clock, 1_000, () => (still += 1));
    for (let round = 0; round < 3; round++) {
      watch.begin();
      await clock.advance(999);
      watch.end();
    }
    await clock.advance(10_000);
    assert.equal(still, 0);
    assert.equal(clock.pending, 0);
  });
});
