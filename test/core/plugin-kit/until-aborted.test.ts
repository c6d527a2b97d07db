import assert from 'node:assert/strict';
import { untilAborted } from '#core/plugin-kit/until-aborted.js';

describe('a wait that a signal ends', () => {
  const never = new Promise<never>(() => undefined);

  it('rejects with the reason of a signal that was aborted before, whatever it waits for', async () => {
    const aborted = AbortSignal.abort(new Error('too late'));
    await assert.rejects(untilAborted(never, aborted), /too late/);
    await assert.rejects(untilAborted(Promise.resolve(1), aborted), /too late/);
  });

  it('rejects with the reason of a signal that aborts meanwhile', async () => {
    const controller = new AbortController();
    const waiting = untilAborted(never, controller.signal);
    controller.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
  });

  it('brings what it waits for', async () => {
    const { signal } = new AbortController();
    assert.equal(await untilAborted(Promise.resolve(7), signal), 7);
    await assert.rejects(untilAborted(Promise.reject(new Error('broken')), signal), /broken/);
  });
});
