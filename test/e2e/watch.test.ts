import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunningJitsu } from '../support/running-jitsu.js';
import { describeOverUdp } from '../support/udp-transports.js';

/** What its look may take besides `watch`, and the machine besides that. */
const LATEST = 12_000;

describeOverUdp('a service that stops answering while it runs, with `watch`', function (transport) {
  const aJitsu = (ready: string, deadline: string, habits: readonly string[] = []): RunningJitsu => {
    const web = RunningJitsu.aUnikernel('web', habits, { ready, deadline, watch: '1s', grace: '300ms' });
    return new RunningJitsu([web], { dns: { ttl: 60, transport }, boot: { firstBackOff: '100ms' } });
  };

  /** Asks until the answer is not the known address any more. Resolves with when that was the last time, after now. */
  const untilRefused = async (jitsu: RunningJitsu): Promise<number> => {
    const begin = performance.now();
    for (let last = 0; ; await sleep(20)) {
      const asked = performance.now();
      const { rcode } = await jitsu.ask('web.test');
      if (rcode !== 'NOERROR') return last - begin;
      // What had to wait is the answer of another run.
      if (performance.now() - asked < 500) last = performance.now();
      assert.ok(last - begin < LATEST, `the cached answer is still given\n${jitsu.log}`);
    }
  };

  const untilVisited = async (jitsu: RunningJitsu): Promise<number> => {
    for (;;) {
      const { rcode } = await jitsu.ask('web.test');
      if (rcode === 'NOERROR') return jitsu.visit('web.test');
      await sleep(100);
    }
  };

  it('is not answered for once its port is closed, and is restarted when nobody gets to it', async function () {
    this.timeout(60_000);
    await using jitsu = aJitsu('tcp:8080', '1s');
    await jitsu.start();
    const first = await jitsu.visit('web.test');
    const { addresses } = await jitsu.ask('web.test');
    await fetch(`http://${addresses[0]}:8080/close`, { headers: { connection: 'close' } });
    await untilRefused(jitsu);
    assert.match(jitsu.log, /web: not ready any more: .*refuses connections/);
    assert.notEqual(await untilVisited(jitsu), first, 'another process');
    const kinds = (await jitsu.control.history({ unikernel: 'web' })).map(({ kind }) => kind);
    const since = kinds.slice(kinds.indexOf('unready'));
    assert.deepEqual(since.slice(0, 5), ['unready', 'summoning', 'failed', 'stopping', 'stopped']);
  });

  it('is not answered for while it hangs, and is restarted when nobody gets to it', async function () {
    this.timeout(60_000);
    await using jitsu = aJitsu('http:8080/', '1s');
    await jitsu.start();
    const first = await jitsu.visit('web.test');
    const { addresses } = await jitsu.ask('web.test');
    await fetch(`http://${addresses[0]}:8080/hang`, { headers: { connection: 'close' } });
    await untilRefused(jitsu);
    assert.notEqual(await untilVisited(jitsu), first, 'another process');
  });

  it('is answered for again, by the same process, once it goes on', async function () {
    this.timeout(60_000);
    await using jitsu = aJitsu('http:8080/', '30s', ['worker']);
    await jitsu.start();
    const worker = await jitsu.visit('web.test');
    process.kill(worker, 'SIGSTOP');
    let waits = false;
    for (const begin = performance.now(); !waits; await sleep(20)) {
      assert.ok(performance.now() - begin < LATEST, `the cached answer is still given\n${jitsu.log}`);
      const answer = jitsu.ask('web.test');
      const isSlow = await Promise.race([answer.then(() => false), sleep(500).then(() => true)]);
      const { phase, state } = await jitsu.status('web');
      waits = isSlow && phase === 'summoning';
      if (!waits) continue;
      assert.equal(state, 'running');
      process.kill(worker, 'SIGCONT');
      assert.equal((await answer).rcode, 'NOERROR');
    }
    assert.equal(await jitsu.visit('web.test'), worker);
    assert.equal((await jitsu.status('web')).totalStarts, 1);
  });
});
