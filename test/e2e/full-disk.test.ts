import assert from 'node:assert/strict';
import { requireRoot, requireTool } from '../support/require-tool.js';
import { isRunning, RunningJitsu } from '../support/running-jitsu.js';
import { SmallDisks } from '../support/small-disks.js';

describe('a Jitsu whose disks are full', function () {
  this.timeout(60_000);
  let disks: SmallDisks;

  before(async function () {
    requireRoot(this);
    for (const tool of ['nsenter', 'unshare'] as const) requireTool(this, tool);
    disks = await SmallDisks.create();
  });

  after(() => disks?.[Symbol.asyncDispose]());

  for (const [what, privileges] of [
    ['stays root', 'none'],
    ['gives up root', undefined],
  ] as const) {
    it(`and that ${what} starts nevertheless, says what it cannot keep, answers, and knows its programs after it was killed`, async () => {
      const settings: Record<string, unknown> = { privileges };
      await using jitsu = new RunningJitsu([RunningJitsu.aUnikernel('web')], settings, disks.place);
      settings.state = { path: jitsu.in('state', 'store') };
      for (const folder of [jitsu.in('run'), jitsu.in('state')]) {
        await disks.mount(folder, 1);
        await disks.fill(folder);
      }
      await jitsu.start();
      assert.match(jitsu.log, /The runtime folder .* cannot be locked: ENOSPC/);
      assert.match((await jitsu.report()).storeProblem ?? '', /disk/);
      const pid = await jitsu.visit('web.test');
      await jitsu.end('SIGKILL');
      await jitsu.start();
      assert.equal(await jitsu.visit('web.test'), pid);
      // By another command it is still the same unikernel, of which there is one.
      await jitsu.end('SIGKILL');
      jitsu.configure([RunningJitsu.aUnikernel('web')]);
      await jitsu.start();
      assert.equal((await jitsu.status('web')).outdated, 'command');
      assert.notEqual(await jitsu.visit('web.test'), pid);
      assert.ok(!isRunning(pid));
    });
  }
});
