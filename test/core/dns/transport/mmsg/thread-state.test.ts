import assert from 'node:assert/strict';
import { Refusals } from '#core/dns/admission/refusals.js';
import {
  aheadOfMachine,
  createThreadState,
  ThreadRefusals,
  ThreadState,
  timeTeller,
} from '#core/dns/transport/mmsg/thread-state.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { DnsLog } from '../../../../support/dns-log.js';

describe('the refusals of a thread', () => {
  const stage = () => {
    const clock = new ManualClock();
    const log = new DnsLog();
    const refusals = new Refusals({ clock, logger: log });
    const state = createThreadState();
    return { clock, log, refusals, state, taken: new ThreadRefusals(state, refusals, clock) };
  };

  it('are taken over a quarter of a second after the first, with one of the clients, and then from the beginning', async () => {
    const { clock, log, refusals, state, taken } = stage();
    taken.announce('rateDropped', '192.0.2.1');
    taken.announce('rateCut', '192.0.2.2');
    state[ThreadState.RateDropped] = 1_000;
    state[ThreadState.RateCut] = 7;
    await clock.advance(249);
    assert.equal(refusals.counts.rateDropped, 0);
    await clock.advance(1);
    assert.deepEqual([refusals.counts.rateDropped, refusals.counts.rateCut], [1_000, 7]);
    assert.deepEqual(
      log.entries.map(({ fields }) => fields),
      [
        { refused: 1_000, client: '192.0.2.1' },
        { refused: 7, client: '192.0.2.2' },
      ],
    );
    assert.deepEqual([state[ThreadState.RateDropped], state[ThreadState.RateCut], clock.pending], [0, 0, 0]);
    taken.announce('client', '192.0.2.3');
    state[ThreadState.Client] = 5;
    taken.settle();
    assert.deepEqual([refusals.counts.client, refusals.counts.rateDropped, clock.pending], [5, 1_000, 0]);
  });

  it('that a thread has not told of when it dies are forgotten, so that its successor tells of its own', () => {
    const { refusals, state, taken } = stage();
    taken.announce('rateDropped', '192.0.2.1');
    state[ThreadState.RateDropped] = 3;
    state[ThreadState.RateCut] = 4;
    taken.forget();
    assert.deepEqual([refusals.counts.rateDropped, refusals.counts.rateCut], [3, 0]);
    assert.equal(state[ThreadState.RateCut], 0);
  });
});

describe('the time in another thread', () => {
  it('is that of the clock in the main thread', async () => {
    for (const now of [0, 1_000_000, Date.now()]) {
      const began = performance.now();
      const tell = timeTeller(aheadOfMachine(now));
      const first = tell();
      assert.ok(Math.abs(first - now) <= performance.now() - began + 1, `${first} for ${now}`);
      while (performance.now() - began < 20) await new Promise((resolve) => setImmediate(resolve));
      const passed = tell() - now;
      assert.ok(passed >= 18 && passed <= performance.now() - began + 1, `${passed} ms have passed`);
    }
  });
});
