import assert from 'node:assert/strict';
import { JitsuError, type JitsuErrorCode } from '@jitsud/core';
import { CommandFailure } from '#cli/command-failure.js';
import { errorReport } from '#cli/error-report.js';
import { exitStatusOf } from '#cli/exit-status.js';
import { UsageError } from '#cli/usage-error.js';

const statusOf = (code: JitsuErrorCode): number => exitStatusOf(new JitsuError(code, 'x'));

describe('the exit status', () => {
  it('is 2 for what cannot work as it is written', () => {
    assert.equal(exitStatusOf(new UsageError('x')), 2);
    assert.equal(statusOf('JITSU_CONFIG_INVALID'), 2);
    assert.equal(statusOf('JITSU_PLUGIN_NOT_FOUND'), 2);
    assert.equal(statusOf('JITSU_UNIKERNEL_INVALID'), 2);
    assert.equal(statusOf('JITSU_STOP_MODE_UNSUPPORTED'), 2);
  });

  it('is 1 for what fails all the same', () => {
    assert.equal(exitStatusOf(new CommandFailure('x')), 1);
    assert.equal(exitStatusOf(new Error('x')), 1);
    assert.equal(statusOf('JITSU_NOT_RUNNING'), 1);
    assert.equal(statusOf('JITSU_UNIKERNEL_UNKNOWN'), 1);
  });
});

describe('what is said of an error', () => {
  it('is its code and message', () => {
    const error = new JitsuError('JITSU_NOT_RUNNING', 'No Jitsu listens.');
    assert.equal(errorReport(error, { stack: false }), 'jitsu: JITSU_NOT_RUNNING  No Jitsu listens.\n');
  });

  it('is the message alone where the code is not ours', () => {
    const error = Object.assign(new Error('no such file'), { code: 'ENOENT' });
    assert.equal(errorReport(error, { stack: false }), 'jitsu: no such file\n');
  });

  it('says where to look when the command line is not understood', () => {
    assert.equal(
      errorReport(new UsageError('No.', 'stop'), { stack: false }),
      "jitsu: No.\nTry 'jitsu stop --help'.\n",
    );
    assert.equal(errorReport(new UsageError('No.'), { stack: false }), "jitsu: No.\nTry 'jitsu --help'.\n");
  });

  it('has the stack, and that of its cause, for those who ask', () => {
    const report = errorReport(new Error('outer', { cause: new Error('inner') }), { stack: true });
    assert.match(report, /^jitsu: outer\nError: outer\n +at .*\nCaused by: Error: inner\n +at /s);
  });
});
