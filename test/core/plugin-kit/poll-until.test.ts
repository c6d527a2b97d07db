import assert from 'node:assert/strict';
import { pollUntil } from '#core/plugin-kit/poll-until.js';
import { ManualClock } from '#core/testing/manual-clock.js';

describe('polling', () => {
  it('tries again until an attempt succeeds, with pauses that grow with the time waited', async () => {
    const clock = new ManualClock();
    const begin = clock.now();
    const attempts: number[] = [];
    const polled = pollUntil(async () => attempts.push(clock.now() - begin) > 100, clock, new AbortController().signal);
    await clock.advance(10_000);
    await polled;
    assert.deepEqual(attempts.slice(0, 3), [0, 0.5, 1]);
    const pauses = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
    assert.ok(
      pauses.every((pause, index) => pause >= (pauses[index - 1] ?? 0) - 1e-6 && pause <= 50),
      String(pauses),
    );
  });

  it('ends with the reason of its signal, and makes no attempt where that has aborted before', async () => {
    const clock = new ManualClock();
    let attempts = 0;
    const attempt = async (): Promise<boolean> => {
      attempts += 1;
      return false;
    };
    await assert.rejects(pollUntil(attempt, clock, AbortSignal.abort(new Error('before'))), /before/);
    assert.equal(attempts, 0);
    const controller = new AbortController();
    const rejected = assert.rejects(pollUntil(attempt, clock, controller.signal), /meanwhile/);
    await clock.advance(0.5);
    assert.equal(attempts, 2);
    controller.abort(new Error('meanwhile'));
    await rejected;
    assert.equal(clock.pending, 0);
  });
});
