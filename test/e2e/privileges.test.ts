import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { RunningJitsu } from '../support/running-jitsu.js';
import { threadsOf } from '../support/process-status.js';
import { requireRoot } from '../support/require-tool.js';

const { aUnikernel } = RunningJitsu;

/** Has no name on any machine. */
const USER = 4_000_001;

const NOTHING = '0000000000000000';

describe('Jitsu, started by root', function () {
  this.timeout(60_000);

  before(function () {
    requireRoot(this);
  });

  it('becomes its user with every thread, without groups and capabilities', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web')], { privileges: { user: USER } });
    await jitsu.start();
    const threads = threadsOf(jitsu.pid);
    assert.ok(threads.length > 4);
    for (const { name, uids, gids, groups, permitted } of threads) {
      const four = Array<number>(4).fill(USER);
      assert.deepEqual(
        { uids, gids, groups, permitted },
        { uids: four, gids: four, groups: [], permitted: NOTHING },
        name,
      );
    }
    // Of what belongs to it, the kernel shows others no memory.
    assert.equal(statSync(`/proc/${jitsu.pid}/environ`).uid, 0);
    assert.deepEqual((await jitsu.report()).runsAs, { uid: USER, gaveUpRoot: true });
  });

  it('stays root where the configuration says so', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web')], { privileges: 'none' });
    await jitsu.start();
    assert.ok(threadsOf(jitsu.pid).every(({ uids }) => uids.every((uid) => uid === 0)));
    assert.deepEqual((await jitsu.report()).runsAs, { uid: 0 });
    assert.doesNotMatch(jitsu.log, /runs as/);
  });
});
