import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, RunningJitsu } from '../support/running-jitsu.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const { aUnikernel } = RunningJitsu;

describe('Jitsu, ended and started again', function () {
  this.timeout(60_000);

  it('after kill -9 has the same ten processes, none started or stopped, and its counters', async () => {
    using state = new TemporaryFolder();
    const names = Array.from({ length: 10 }, (_, index) => `web${index}`);
    await using jitsu = new RunningJitsu(
      names.map((name) => aUnikernel(name)),
      { state: { path: state.in('db') } },
    );
    await jitsu.start();
    const before = await Promise.all(names.map((name) => jitsu.visit(`${name}.test`)));
    await sleep(1_500);
    assert.equal(await jitsu.end('SIGKILL'), 'SIGKILL');
    assert.ok(before.every((pid) => isRunning(pid)));

    await jitsu.start();
    const { unikernels } = await jitsu.report();
    assert.deepEqual(
      unikernels.map(({ domainId }) => domainId),
      before,
    );
    assert.ok(unikernels.every(({ totalStarts, names: [name] }) => totalStarts === 1 && name?.requests === 1));
    const after = await Promise.all(names.map((name) => jitsu.visit(`${name}.test`)));
    assert.deepEqual(after, before);
    assert.equal(jitsu.runs().length, 10);
  });

  it('after kill -9 without a durable store stops nothing that is in use', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web')], { dns: { ttl: 4 } });
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    await jitsu.end('SIGKILL');
    await jitsu.start();
    await sleep(3_000);
    assert.ok(isRunning(pid), 'it has a whole fresh period of grace');
    while (isRunning(pid)) await sleep(50);
  });

  it('by SIGTERM answers what is in flight, exits with status 0, and leaves the unikernels running', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web', ['slow=500'])], { stop: { onExit: 'keep' } });
    await jitsu.start();
    const answer = jitsu.ask('web.test');
    await sleep(200);
    assert.equal(await jitsu.end('SIGTERM'), 0);
    assert.equal((await answer).rcode, 'NOERROR');
    const [run] = jitsu.runs();
    assert.ok(isRunning(run!.pid));
    await jitsu.start();
    assert.equal(await jitsu.visit('web.test'), run!.pid);
  });

  it('by SIGTERM stops the unikernels where the configuration says so', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web')], { stop: { onExit: 'stop' } });
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    assert.equal(await jitsu.end('SIGTERM'), 0);
    assert.ok(!isRunning(pid));
  });
});
