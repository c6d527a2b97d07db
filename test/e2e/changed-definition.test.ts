import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, RunningJitsu } from '../support/running-jitsu.js';

const { aUnikernel } = RunningJitsu;

const untilEnded = async (pid: number): Promise<void> => {
  while (isRunning(pid)) await sleep(20);
};

describe('a program whose definition is changed while it runs', function () {
  this.timeout(60_000);

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`to another address and command: is used where it is, and replaced once it is not used (${signal})`, async () => {
      const before = aUnikernel('web');
      const now = aUnikernel('web');
      await using jitsu = new RunningJitsu([before], { dns: { ttl: 2 }, stop: { onExit: 'keep' } });
      await jitsu.start();
      const pid = await jitsu.visit('web.test');
      await jitsu.end(signal);

      jitsu.configure([now]);
      await jitsu.start();
      const status = await jitsu.status('web');
      assert.deepEqual([status.outdated, status.addresses], ['command and ip', [before['ip']]]);
      assert.match(jitsu.log, /web: runs by an earlier definition as \d+: its command and ip changed/);
      assert.deepEqual((await jitsu.ask('web.test')).addresses, [before['ip']]);
      assert.equal(await jitsu.visit('web.test'), pid);
      await untilEnded(pid);
      const { addresses } = await jitsu.ask('web.test');
      assert.deepEqual(addresses, [now['ip']]);
      assert.notEqual(await jitsu.visit('web.test'), pid);
      assert.equal((await jitsu.status('web')).outdated, undefined);
      const kinds = (await jitsu.control.history({ unikernel: 'web' })).map(({ kind }) => kind);
      assert.ok(kinds.includes('outdated'), String(kinds));
    });
  }

  it('so that it never answers as it is meant to now: the query that waits has it started anew', async () => {
    const before = aUnikernel('web', ['deaf'], { ready: [] });
    await using jitsu = new RunningJitsu([before], { stop: { onExit: 'keep' } });
    await jitsu.start();
    await jitsu.ask('web.test');
    const [old] = jitsu.pids();
    await jitsu.end('SIGKILL');

    jitsu.configure([{ ...before, habits: [], ready: 'tcp:8080' }]);
    await jitsu.start();
    assert.equal((await jitsu.status('web')).outdated, 'command');
    const answer = await jitsu.ask('web.test');
    assert.equal(answer.rcode, 'NOERROR', jitsu.log);
    assert.ok(!isRunning(old!));
    assert.notEqual(await jitsu.visit('web.test'), old);
  });

  it('and that is to be replaced at once: is stopped and started anew without a query', async () => {
    const before = aUnikernel('web');
    await using jitsu = new RunningJitsu([before], { stop: { onExit: 'keep' } });
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    await jitsu.end('SIGKILL');

    jitsu.configure([aUnikernel('web', [], { replace: 'now' })]);
    await jitsu.start();
    await untilEnded(pid);
    while ((await jitsu.status('web')).phase !== 'ready') await sleep(20);
    const { outdated, totalStarts } = await jitsu.status('web');
    assert.deepEqual([outdated, totalStarts], [undefined, 1]);
    assert.notEqual(await jitsu.visit('web.test'), pid);
  });

  it('by its names alone: is simply adopted', async () => {
    const before = aUnikernel('web');
    await using jitsu = new RunningJitsu([before], { stop: { onExit: 'keep' } });
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    await jitsu.end('SIGTERM');

    jitsu.configure([{ ...before, dns: ['other.test', 'third.test'], ttl: 30, mode: 'suspend', deadline: 9 }]);
    await jitsu.start();
    assert.equal((await jitsu.status('web')).outdated, undefined);
    assert.equal(await jitsu.visit('other.test'), pid);
    assert.doesNotMatch(jitsu.log, /earlier definition/);
  });
});
