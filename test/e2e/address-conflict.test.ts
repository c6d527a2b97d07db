import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { RunningJitsu } from '../support/running-jitsu.js';

describe('a process whose port another program has', () => {
  it('is not started, nor taken for ready: the answer names who has the port, until that is free', async function () {
    this.timeout(30_000);
    const web = RunningJitsu.aUnikernel('web');
    const other = createServer((socket) => socket.destroy()).listen(8080, web['ip'] as string);
    try {
      await once(other, 'listening');
      await using jitsu = new RunningJitsu([web], { boot: { firstBackOff: '1s' } });
      await jitsu.start();
      const refused = await jitsu.ask('web.test');
      assert.equal(refused.rcode, 'SERVFAIL');
      assert.match(refused.extendedErrors.join(), /web is not started: .+ answers at 127\.[\d.]+:8080 already/);
      assert.deepEqual(jitsu.runs(), []);
      other.close();
      await once(other, 'close');
      assert.equal((await jitsu.control.summon('web')).state, 'running');
      assert.equal(jitsu.runs().length, 1);
    } finally {
      other.close();
    }
  });
});
