import assert from 'node:assert/strict';
import { ControlClient } from '#core/control/control-client.js';
import { RunningJitsu } from '../support/running-jitsu.js';

describe('a Jitsu that is stopped by a signal', function () {
  this.timeout(60_000);

  it('is named to those who ask it, with what makes it go on', async () => {
    await using jitsu = new RunningJitsu([RunningJitsu.aUnikernel('hello')]);
    await jitsu.start();
    const impatient = new ControlClient(jitsu.socket, 300);
    process.kill(jitsu.pid, 'SIGSTOP');
    try {
      for (const asked of [impatient.status(), impatient.summon('hello')]) {
        await assert.rejects(asked, {
          code: 'JITSU_CONTROL_FAILED',
          message: new RegExp(`process ${jitsu.pid}, does not answer.*is stopped.*"kill -CONT ${jitsu.pid}"\\.$`),
        });
      }
    } finally {
      process.kill(jitsu.pid, 'SIGCONT');
    }
    assert.equal((await jitsu.report()).pid, jitsu.pid);
  });
});
