import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { cannotRun } from '../../../../support/cannot-run.js';
import { optionsOf } from '../../../../support/libxl/libxl-host.js';
import { RunningJitsu } from '../../../../support/running-jitsu.js';
import { Dom0 } from '../../../../support/xen/dom0.js';

const PID_FILE = '/run/xen/xenstored.pid';
/** In seconds: after twice as long without a query a guest would be stopped. */
const TTL = 1;

/**
 * The last suite of a machine: without a reboot Xen does not get over the death of xenstored, and its own programs wait
 * for it for ever. So nothing is put in order at the end.
 */
describe('Jitsu on libxl, when xenstored has died,', function () {
  this.timeout(180_000);

  it('stops nothing, and says that it cannot know or start anything', async function () {
    const dom0 = await Dom0.open(this);
    if (!dom0.isDisposable) {
      await dom0[Symbol.asyncDispose]();
      cannotRun(this, 'this Xen host would have to be rebooted');
    }
    const running = dom0.guest('running');
    const waiting = dom0.guest('waiting', { kernel: 'grub' });
    await using jitsu = new RunningJitsu(
      [
        { ...optionsOf(running), dns: 'running.test', ip: running.address, ready: 'tcp:80' },
        { ...optionsOf(waiting), dns: 'waiting.test', ip: waiting.address },
      ],
      { backend: 'libxl', dns: { ttl: TTL }, stop: { onExit: 'keep' }, boot: { deadline: '2m' } },
    );
    await jitsu.start();
    assert.deepEqual((await jitsu.ask('running.test')).addresses, [running.address], jitsu.log);
    const { bootId } = await dom0.pageOf(running);

    process.kill(Number(readFileSync(PID_FILE, 'utf8')), 'SIGKILL');
    for (const { name } of [running, waiting]) {
      await dom0.until(
        async () => ((await jitsu.status(name)).state === 'unknown' ? true : undefined),
        () => `${name} is not unknown:\n${jitsu.log}`,
      );
    }
    const { rcode, addresses, extendedErrors } = await jitsu.ask('waiting.test');
    assert.deepEqual([rcode, addresses], ['SERVFAIL', []], jitsu.log);
    assert.match(extendedErrors.join('\n'), /xenstored/);
    assert.match(jitsu.log, /xenstored/);

    // The reaper's own time comes and goes.
    await sleep(3 * TTL * 1_000);
    assert.equal((await dom0.pageOf(running)).bootId, bootId, jitsu.log);
    assert.equal((await jitsu.status(running.name)).state, 'unknown');
  });
});
