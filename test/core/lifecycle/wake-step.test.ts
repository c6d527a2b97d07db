import assert from 'node:assert/strict';
import { wakeStep } from '#core/lifecycle/wake-step.js';

describe('a wake', () => {
  it('starts what is off, resumes what is suspended, unpauses what is paused, and starts nothing else', () => {
    assert.equal(wakeStep('off'), 'start');
    assert.equal(wakeStep('suspended'), 'resume');
    assert.equal(wakeStep('paused'), 'unpause');
    assert.equal(wakeStep('running'), 'none');
    assert.equal(wakeStep('unknown'), 'none');
    assert.equal(wakeStep('starting'), 'wait');
    assert.equal(wakeStep('stopping'), 'wait');
  });
});
