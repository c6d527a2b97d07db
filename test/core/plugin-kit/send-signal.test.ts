import assert from 'node:assert/strict';
import { sendSignal } from '#core/plugin-kit/send-signal.js';
import { FakeProcesses } from '../../support/fake-processes.js';

describe('sending a signal', () => {
  let processes: FakeProcesses;

  beforeEach(() => {
    processes = new FakeProcesses();
    processes.add(700_001);
  });

  afterEach(() => processes[Symbol.dispose]());

  it('tells whether there is such a process or group', () => {
    assert.equal(sendSignal(700_001, 'SIGTERM'), true);
    assert.equal(sendSignal(-700_001, 0), true);
    assert.equal(sendSignal(700_002, 'SIGTERM'), false);
    assert.deepEqual(processes.signals, ['SIGTERM 700001', 'SIGTERM 700002']);
  });

  it('tells of a process that is somebody else’s that it is there, and fails to signal it', () => {
    processes.refusal = 'EPERM';
    assert.equal(sendSignal(700_001, 0), true);
    assert.throws(() => sendSignal(700_001, 'SIGTERM'), { code: 'EPERM' });
    processes.refusal = 'EINVAL';
    assert.throws(() => sendSignal(700_001, 0), { code: 'EINVAL' });
  });
});
