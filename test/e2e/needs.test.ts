import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { isRunning, RunningJitsu, type ProgramRun } from '../support/running-jitsu.js';

const { aUnikernel } = RunningJitsu;

type Named = ReturnType<typeof aUnikernel>;

/** A program that does without nothing of what it needs: it crashes where that does not answer yet. */
function whichWants(name: string, need: Named, habits: readonly string[] = [], more: object = {}): Named {
  return aUnikernel(name, [`wants=${String(need['ip'])}`, ...habits], { needs: [need['name']], ...more });
}

const inOrder = (jitsu: RunningJitsu): ProgramRun[] => [...jitsu.runs()].sort((one, other) => one.began - other.began);

/** The page of the program, which is refused where what it needs does not answer. */
async function visit(jitsu: RunningJitsu, name: string): Promise<number> {
  const { addresses, rcode, extendedErrors } = await jitsu.ask(name);
  assert.equal(rcode, 'NOERROR', extendedErrors.join());
  const response = await fetch(`http://${addresses[0]}:8080/`, { headers: { connection: 'close' } });
  assert.equal(response.status, 200);
  return Number(await response.text());
}

describe('a program that needs others', function () {
  this.timeout(120_000);

  it('is started when its database is ready, where one boots at a time, and the database is stopped after it', async () => {
    const db = aUnikernel('db', ['slow=300']);
    const web = whichWants('web', db, ['lingers=300']);
    await using jitsu = new RunningJitsu([web, db], {
      boot: { limit: 1 },
      dns: { ttl: 1 },
      stop: { policies: ['ttl'] },
    });
    await jitsu.start();
    const pid = await visit(jitsu, 'web.test');
    const [first, second] = inOrder(jitsu);
    assert.equal(second!.pid, pid);
    assert.ok(first!.listened! <= second!.began, 'the database answered before the program began');
    assert.deepEqual((await jitsu.status('db')).neededBy, ['web']);
    for (const begin = performance.now(); performance.now() - begin < 5_000; await sleep(300)) {
      assert.equal(await visit(jitsu, 'web.test'), pid);
    }
    assert.ok(isRunning(first!.pid), 'nobody asks for the database, and it is kept');
    await eventually(async () => assert.equal((await jitsu.status('db')).state, 'off'));
    const stops = (await jitsu.control.history({})).filter(({ kind }) => kind === 'stopping' || kind === 'stopped');
    assert.deepEqual(
      stops.map(({ unikernel, kind }) => `${unikernel} ${kind}`),
      ['web stopping', 'web stopped', 'db stopping', 'db stopped'],
    );
  });

  it('may be the first of a chain of five, also for 100 who ask at once', async () => {
    const chain = [aUnikernel('e', ['slow=100'])];
    for (const name of ['d', 'c', 'b', 'a']) chain.unshift(whichWants(name, chain[0]!, ['slow=100']));
    await using jitsu = new RunningJitsu(chain, { boot: { limit: 1, queue: 1 } });
    await jitsu.start();
    const replies = await Promise.all(Array.from({ length: 100 }, () => jitsu.ask('a.test')));
    assert.ok(replies.every(({ rcode }) => rcode === 'NOERROR'));
    const runs = inOrder(jitsu);
    assert.equal(runs.length, 5);
    for (const [index, { began }] of runs.entries()) assert.ok(index === 0 || runs[index - 1]!.listened! <= began);
    assert.equal(await visit(jitsu, 'a.test'), runs[4]!.pid);
  });

  it('is not blamed where its database cannot be started, and the answer says what is wrong', async () => {
    const db = aUnikernel('db', ['crashes']);
    const web = whichWants('web', db);
    await using jitsu = new RunningJitsu([web, db]);
    await jitsu.start();
    const { rcode, extendedErrors } = await jitsu.ask('web.test');
    assert.equal(rcode, 'SERVFAIL');
    assert.match(
      extendedErrors.join(),
      /^web needs db, which is not ready: .*the configuration of this program is missing/,
    );
    const [failing, blameless] = [await jitsu.status('db'), await jitsu.status('web')];
    assert.deepEqual([failing.phase, blameless.phase, blameless.failure], ['failing', 'down', undefined]);
    assert.equal(jitsu.runs().length, 1, 'it was not even started');
    const again = await jitsu.ask('web.test');
    assert.match(again.extendedErrors.join(), /web needs db, which is not ready: db failed once and is left alone/);
  });

  it('runs on when its database dies, and gets it back before the next answer', async () => {
    const db = aUnikernel('db');
    const web = whichWants('web', db);
    await using jitsu = new RunningJitsu([web, db]);
    await jitsu.start();
    const pid = await visit(jitsu, 'web.test');
    for (let round = 0; round < 10; round += 1) {
      const { domainId } = await jitsu.status('db');
      process.kill(domainId!, 'SIGKILL');
      await eventually(async () => assert.equal((await jitsu.status('db')).state, 'off'));
      assert.equal(await visit(jitsu, 'web.test'), pid, 'the same program, which found its database');
    }
    assert.equal((await jitsu.status('db')).totalStarts, 11);
    assert.equal((await jitsu.status('web')).totalStarts, 1);
  });

  it('and all that it needs survive kill -9 of Jitsu at any moment of the way, each started once', async () => {
    const db = aUnikernel('db', ['slow=400']);
    const web = whichWants('web', db, ['slow=400']);
    for (const moment of [200, 600, 1_000]) {
      await using jitsu = new RunningJitsu([web, db], {
        boot: { limit: 1 },
        dns: { ttl: 1 },
        stop: { policies: ['ttl'] },
      });
      await jitsu.start();
      const asked = jitsu.control.summon('web').catch(() => undefined);
      await sleep(moment);
      await jitsu.end('SIGKILL');
      await asked;
      await jitsu.start();
      const pid = await visit(jitsu, 'web.test');
      assert.equal(jitsu.runs().length, 2, `${moment} ms: each was started once\n${jitsu.log}`);
      for (const begin = performance.now(); performance.now() - begin < 3_000; await sleep(300)) {
        assert.equal(await visit(jitsu, 'web.test'), pid);
      }
      assert.ok(
        inOrder(jitsu).every((run) => isRunning(run.pid)),
        'what was adopted is kept for what needs it',
      );
      await eventually(async () => assert.equal((await jitsu.status('db')).state, 'off'));
      assert.ok(!jitsu.runs().some((run) => isRunning(run.pid)));
    }
  });

  it('ends before what it needs where Jitsu stops all when it ends', async () => {
    const db = aUnikernel('db');
    const web = whichWants('web', db, ['lingers=500']);
    await using jitsu = new RunningJitsu([web, db]);
    await jitsu.start();
    await visit(jitsu, 'web.test');
    const { domainId } = await jitsu.status('db');
    const ended = jitsu.end('SIGTERM');
    await sleep(300);
    assert.ok(isRunning(domainId!), 'the program has not ended yet');
    await ended;
    assert.ok(!jitsu.runs().some(({ pid }) => isRunning(pid)));
  });
});

describe('a group of programs', function () {
  this.timeout(120_000);

  it('is summoned and stopped by its name, what is needed first and last', async () => {
    const db = aUnikernel('db', ['slow=300'], { group: 'shop' });
    const web = whichWants('web', db, ['lingers=300'], { group: 'shop' });
    const other = aUnikernel('other');
    await using jitsu = new RunningJitsu([web, db, other]);
    await jitsu.start();
    const summoned = await jitsu.control.summonGroup('shop');
    assert.deepEqual(
      summoned.unikernels.map(({ name, phase, wasReady }) => [name, phase, wasReady]),
      [
        ['web', 'ready', false],
        ['db', 'ready', false],
      ],
    );
    const [first, second] = inOrder(jitsu);
    assert.ok(first!.listened! <= second!.began, 'the database answered before the program began');
    const stopped = await jitsu.control.stopGroup('shop');
    assert.deepEqual(
      stopped.unikernels.map(({ name, state }) => [name, state]),
      [
        ['web', 'off'],
        ['db', 'off'],
      ],
    );
    assert.deepEqual(stopped.failures, []);
    const stops = (await jitsu.control.history({})).filter(({ kind }) => kind === 'stopping' || kind === 'stopped');
    assert.deepEqual(
      stops.map(({ unikernel, kind }) => `${unikernel} ${kind}`),
      ['web stopping', 'web stopped', 'db stopping', 'db stopped'],
    );
    assert.equal((await jitsu.status('other')).state, 'off');
  });
});
