import assert from 'node:assert/strict';
import { availableParallelism, getPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import type { Reply } from '../support/ask-over-udp.js';
import { isRunning, RunningJitsu } from '../support/running-jitsu.js';
import { niceOfThreads } from '../support/thread-niceness.js';
import { UDP_TRANSPORTS } from '../support/udp-transports.js';

const { aUnikernel } = RunningJitsu;

describe('a name that is asked for', function () {
  this.timeout(120_000);

  it('leads to a service that answers at the first try, 100 times out of 100, each from stopped', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web')]);
    await jitsu.start();
    const pids = new Set<number>();
    for (let round = 0; round < 100; round += 1) {
      pids.add(await jitsu.visit('web.test'));
      await jitsu.control.stop('web');
    }
    assert.equal(pids.size, 100, 'a new process each time');
    assert.equal((await jitsu.status('web')).totalStarts, 100);
    assert.ok([...pids].every((pid) => !isRunning(pid)));
  });

  for (const transport of UDP_TRANSPORTS) {
    it(`is booted once for 200 who ask at once by ${transport}, and all get the answer`, async () => {
      await using jitsu = new RunningJitsu([aUnikernel('web', ['slow=300'])], { dns: { transport } });
      await jitsu.start();
      const replies = await Promise.all(Array.from({ length: 200 }, () => jitsu.ask('web.test')));
      assert.ok(replies.every(({ rcode, addresses }) => rcode === 'NOERROR' && addresses.length === 1));
      assert.equal(jitsu.runs().length, 1);
      const [name] = (await jitsu.status('web')).names;
      assert.equal(name?.requests, 200);
    });
  }

  it('has no address of a family whose unikernel fails, for a moment, where another family answers', async () => {
    const four = aUnikernel('four', ['slow=300'], { dns: 'both.test' });
    const six = aUnikernel('six', ['crashes'], { dns: 'both.test', ip: '2001:db8::7' });
    await using jitsu = new RunningJitsu([four, six]);
    await jitsu.start();
    const both = (): Promise<Reply[]> => Promise.all([jitsu.ask('both.test'), jitsu.ask('both.test', 'AAAA')]);
    for (let round = 0; round < 3; round += 1) {
      const [a, aaaa] = await both();
      assert.deepEqual([a?.rcode, a?.addresses], ['NOERROR', [four['ip']]]);
      assert.deepEqual([aaaa?.rcode, aaaa?.addresses], ['NOERROR', []]);
    }
    await jitsu.control.stop('four');
    assert.equal((await jitsu.ask('both.test', 'AAAA')).rcode, 'SERVFAIL');
  });

  it('waits for its turn when many are asked for: 50 at once, never more than 8 booting, all answered', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `web${index}`);
    const unikernels = names.map((name) => aUnikernel(name, ['slow=100']));
    await using jitsu = new RunningJitsu(unikernels, { boot: { limit: 8, deadline: 60 } });
    await jitsu.start();
    const replies = await Promise.all(names.map((name) => jitsu.ask(`${name}.test`)));
    assert.ok(replies.every(({ rcode }) => rcode === 'NOERROR'));
    const runs = jitsu.runs();
    assert.equal(runs.length, 50);
    const booting = runs.map(({ began }) => runs.filter((run) => run.began <= began && began < run.listened!).length);
    assert.ok(Math.max(...booting) <= 8, `${Math.max(...booting)} were booting at once`);
    assert.ok(Math.max(...booting) > 1, 'they do boot side by side');
  });

  it('does not hold up the answers of what runs: the thread that gives them goes first until it is ready', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web', ['slow=500'])]);
    await jitsu.start();
    const goingFirst = (): number => niceOfThreads(jitsu.pid).filter((nice) => nice < getPriority()).length;
    assert.equal(goingFirst(), 0);
    const answer = jitsu.ask('web.test');
    if (UDP_TRANSPORTS.includes('mmsg') && process.getuid?.() === 0 && availableParallelism() > 1) {
      await eventually(() => assert.equal(goingFirst(), 1));
    }
    assert.equal((await answer).rcode, 'NOERROR');
    await eventually(() => assert.equal(goingFirst(), 0));
  });

  it('may stand for several unikernels: they boot side by side, and all are returned, in turns', async () => {
    const both = { dns: 'both.test' };
    const unikernels = [aUnikernel('one', ['slow=200'], both), aUnikernel('two', ['slow=200'], both)];
    await using jitsu = new RunningJitsu(unikernels);
    await jitsu.start();
    const first = await jitsu.ask('both.test');
    const second = await jitsu.ask('both.test');
    assert.equal(first.addresses.length, 2);
    assert.deepEqual(second.addresses, [...first.addresses].reverse());
    const [one, two] = jitsu.runs();
    assert.ok(one!.began < two!.listened! && two!.began < one!.listened!);
  });

  it('may be a wildcard: one unikernel behind many names', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web', [], { dns: '*.web.test' })]);
    await jitsu.start();
    assert.equal(await jitsu.visit('a.web.test'), await jitsu.visit('B.Web.Test'));
    assert.equal((await jitsu.ask('web.test')).rcode, 'REFUSED');
    assert.equal(jitsu.runs().length, 1);
  });

  it('wakes nothing when something else than an address is asked for', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web')]);
    await jitsu.start();
    for (const type of ['AAAA', 'MX', 'TXT', 'ANY']) {
      assert.deepEqual((await jitsu.ask('web.test', type)).addresses, []);
    }
    assert.equal(jitsu.runs().length, 0);
  });
});

describe('a unikernel that nobody asks for any more', function () {
  this.timeout(60_000);

  for (const transport of UDP_TRANSPORTS) {
    it(`is gone between 2 and 3 s after the last query by ${transport} with a TTL of 1 s, and never while queries go on`, async () => {
      await using jitsu = new RunningJitsu([aUnikernel('web')], { dns: { ttl: 1, transport } });
      await jitsu.start();
      const pid = await jitsu.visit('web.test');
      for (let round = 0; round < 10; round += 1) {
        await sleep(500);
        assert.equal((await jitsu.ask('web.test')).rcode, 'NOERROR');
      }
      const lastAsked = performance.now();
      assert.equal(jitsu.runs().length, 1);
      while (isRunning(pid)) await sleep(10);
      const kept = performance.now() - lastAsked;
      assert.ok(kept >= 1_990 && kept < 3_000, `kept for ${kept} ms`);
    });
  }

  it('is booted anew, and is ready, for a query in the middle of its stop', async () => {
    const web = aUnikernel('web', ['lingers=700'], { mode: 'shutdown' });
    await using jitsu = new RunningJitsu([web], { dns: { ttl: 1 } });
    await jitsu.start();
    const first = await jitsu.visit('web.test');
    while ((await jitsu.status('web')).phase !== 'stopping') await sleep(10);
    const second = await jitsu.visit('web.test');
    assert.notEqual(second, first);
    assert.ok(!isRunning(first));
    assert.ok(isRunning(second));
  });

  it('is destroyed when it ignores its shutdown for longer than the grace time', async () => {
    const web = aUnikernel('web', ['lingers=60000'], { mode: 'shutdown', grace: 0.3 });
    await using jitsu = new RunningJitsu([web]);
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    await jitsu.control.stop('web');
    assert.ok(!isRunning(pid));
  });

  it('cannot be stopped in a way that its backend does not know, not even when it is off', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web')]);
    await jitsu.start();
    await rejectsWithCode(jitsu.control.stop('web', 'fly'), 'JITSU_STOP_MODE_UNSUPPORTED');
  });

  it('is the same process after a suspend', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web', [], { mode: 'suspend' })]);
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    assert.equal((await jitsu.control.stop('web')).state, 'suspended');
    assert.equal(await jitsu.visit('web.test'), pid);
  });
});

describe('a unikernel that does not come up', function () {
  this.timeout(60_000);

  it('gets SERVFAIL with an Extended DNS Error at the deadline', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('deaf', ['deaf'], { deadline: 1 })]);
    await jitsu.start();
    const began = performance.now();
    const { rcode, extendedErrors } = await jitsu.ask('deaf.test');
    const took = performance.now() - began;
    assert.equal(rcode, 'SERVFAIL');
    assert.match(
      extendedErrors.join(),
      /deaf was not ready within 1 s\. It ran, but was not ready: tcp:8080: [0-9.]+:8080 refuses connections\./,
    );
    assert.ok(took >= 990 && took < 2_500, `after ${took} ms`);
  });

  it('gets SERVFAIL when it crashes, is left alone for a while, and the status says why', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web', ['crashes'])], { boot: { firstBackOff: 60 } });
    await jitsu.start();
    const first = await jitsu.ask('web.test');
    assert.equal(first.rcode, 'SERVFAIL');
    assert.match(first.extendedErrors.join(), /status 3/);
    const second = await jitsu.ask('web.test');
    assert.equal(second.rcode, 'SERVFAIL');
    assert.match(second.extendedErrors.join(), /left alone/);
    assert.equal(jitsu.runs().length, 1);
    const { phase, failure } = await jitsu.status('web');
    assert.equal(phase, 'failing');
    assert.equal(failure?.code, 'JITSU_SUMMON_DIED');
    assert.match(failure.reason, /the configuration of this program is missing/);
  });

  it('that dies later is off at once, and the next query boots it', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web')]);
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    process.kill(pid, 'SIGKILL');
    while ((await jitsu.status('web')).state !== 'off') await sleep(5);
    const next = await jitsu.visit('web.test');
    assert.notEqual(next, pid);
  });
});
