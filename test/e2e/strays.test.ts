import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { isRunning, RunningJitsu } from '../support/running-jitsu.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const { aUnikernel } = RunningJitsu;

describe('a program whose unikernel is not in the configuration any more', function () {
  this.timeout(60_000);

  it('runs on, is told and listed over restarts, and is stopped by its name', async () => {
    using state = new TemporaryFolder();
    const settings = { dns: { ttl: 1 }, state: { path: state.in('db') }, stop: { onExit: 'keep' } };
    await using jitsu = new RunningJitsu([aUnikernel('old'), aUnikernel('web')], settings);
    await jitsu.start();
    const pid = await jitsu.visit('old.test');
    await jitsu.end('SIGKILL');

    jitsu.configure([aUnikernel('web')]);
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await jitsu.start();
      assert.match(
        jitsu.log,
        new RegExp(
          `old was started by an earlier Jitsu and runs as ${pid}, but it is not in the configuration any more`,
        ),
      );
      await sleep(2_500);
      const { strays, unikernels } = await jitsu.report();
      assert.deepEqual(
        strays?.map(({ name, state, domainId }) => [name, state, domainId]),
        [['old', 'running', pid]],
      );
      assert.deepEqual(
        unikernels.map(({ name }) => name),
        ['web'],
      );
      const error = await rejectsWithCode(jitsu.control.summon('old'), 'JITSU_UNIKERNEL_UNKNOWN');
      assert.match(error.message, /"jitsu stop old" stops it/);
      await jitsu.end(signal);
      assert.ok(isRunning(pid), 'nothing stops it by itself');
    }

    await jitsu.start();
    assert.equal((await jitsu.control.stop('old')).state, 'off');
    assert.ok(!isRunning(pid));
    assert.equal((await jitsu.report()).strays, undefined);
    assert.deepEqual(jitsu.records(), []);
    await jitsu.end('SIGTERM');
    jitsu.log = '';
    await jitsu.start();
    assert.doesNotMatch(jitsu.log, /old/);
    const kinds = (await jitsu.control.history({ unikernel: 'old' })).map(({ kind }) => kind);
    assert.deepEqual(kinds.slice(-2), ['stopping', 'stopped']);
  });

  it('and that has another name now is named by the error about its port, and lets go of it by that command', async () => {
    const before = aUnikernel('old');
    await using jitsu = new RunningJitsu([before], { boot: { firstBackOff: '1ms' }, stop: { onExit: 'keep' } });
    await jitsu.start();
    const pid = await jitsu.visit('old.test');
    await jitsu.end('SIGKILL');

    jitsu.configure([{ ...before, name: 'new' }]);
    await jitsu.start();
    const refused = await jitsu.ask('old.test');
    assert.equal(refused.rcode, 'SERVFAIL');
    assert.match(
      refused.extendedErrors.join(),
      /new is not started: old, not configured any more, answers at 127\..*:8080 \(.+\)\. End it by "jitsu stop old"/,
    );
    await jitsu.control.stop('old');
    await jitsu.control.summon('new');
    const other = await jitsu.visit('old.test');
    assert.notEqual(other, pid);
    await jitsu.end('SIGKILL');
    await jitsu.start();
    assert.equal(await jitsu.visit('old.test'), other);
    assert.equal((await jitsu.report()).strays, undefined);
  });

  it('is adopted when it is configured again, and is found where nothing of its backend is configured', async () => {
    const before = aUnikernel('old');
    await using jitsu = new RunningJitsu([before], { stop: { onExit: 'keep' } });
    await jitsu.start();
    const pid = await jitsu.visit('old.test');
    await jitsu.end('SIGTERM');

    jitsu.configure([]);
    await jitsu.start();
    assert.deepEqual(
      (await jitsu.report()).strays?.map(({ domainId }) => domainId),
      [pid],
    );
    await jitsu.end('SIGTERM');

    jitsu.configure([before]);
    await jitsu.start();
    assert.equal(await jitsu.visit('old.test'), pid);
    assert.equal((await jitsu.report()).strays, undefined);
  });

  it('is not stopped at the end of a Jitsu that stops what it serves', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('old'), aUnikernel('web')], { stop: { onExit: 'stop' } });
    await jitsu.start();
    const pid = await jitsu.visit('old.test');
    await jitsu.end('SIGKILL');
    jitsu.configure([aUnikernel('web')]);
    await jitsu.start();
    await jitsu.end('SIGTERM');
    assert.ok(isRunning(pid));
  });

  it('is stopped by its name as well while it is configured, and its program is not there', async () => {
    const before = aUnikernel('old');
    await using jitsu = new RunningJitsu([before], { stop: { onExit: 'keep' } });
    await jitsu.start();
    const pid = await jitsu.visit('old.test');
    await jitsu.end('SIGKILL');
    const { habits: _, ...missing } = before;
    jitsu.configure([{ ...missing, command: '/no/such/program' }]);
    await jitsu.start();
    assert.equal((await jitsu.status('old')).phase, 'failing');
    assert.equal((await jitsu.control.stop('old')).state, 'off');
    assert.ok(!isRunning(pid));
  });
});
