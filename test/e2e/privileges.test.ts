import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventually } from '#core/testing/eventually.js';
import { isRunning, RunningJitsu } from '../support/running-jitsu.js';
import { childrenOf, threadsOf } from '../support/process-status.js';
import { requireRoot } from '../support/require-tool.js';
import { TemporaryFolder } from '../support/temporary-folder.js';

const { aUnikernel } = RunningJitsu;

/** Has no name on any machine. */
const USER = 4_000_001;

const NOTHING = '0000000000000000';

const TAKEN_OVER = fileURLToPath(new URL('../support/taken-over.js', import.meta.url));

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

  it('goes on writing to its store, which stays root’s, and finds it again', async () => {
    using folder = new TemporaryFolder();
    const state = { path: folder.in('state'), required: true };
    await using jitsu = new RunningJitsu([aUnikernel('web')], { privileges: { user: USER }, state });
    const starts: number[] = [];
    for (let time = 0; time < 2; time += 1) {
      await jitsu.start();
      await jitsu.visit('web.test');
      starts.push((await jitsu.control.history({ unikernel: 'web' })).filter(({ kind }) => kind === 'ready').length);
      assert.equal((await jitsu.report()).storeProblem, undefined);
      assert.equal(statSync(state.path).uid, 0);
      assert.equal(statSync(state.path).mode & 0o777, 0o700);
      for (const name of ['state.db', 'state.db-wal', 'state.db-shm']) {
        assert.equal(statSync(`${state.path}/${name}`).mode & 0o777, 0o600);
      }
      assert.equal(await jitsu.end('SIGTERM'), 0);
      // All of the log is in the file by then.
      assert.equal(statSync(`${state.path}/state.db-wal`).size, 0);
    }
    assert.deepEqual(starts, [1, 2]);
  });

  it('can do nothing of root’s when it has been taken over', async () => {
    const settings = { privileges: { user: USER }, plugins: [TAKEN_OVER], notifiers: { 'taken-over': {} } };
    await using jitsu = new RunningJitsu([aUnikernel('web')], settings);
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    await eventually(() => assert.match(jitsu.log, /TRIED everything/));
    const tries = [...jitsu.log.matchAll(/"TRIED ([^":]+): ([^"]+)"/g)].map(([, what, end]) => [what, end]);
    assert.equal(tries.length, 11);
    for (const [what, end] of tries) assert.match(end ?? '', /^(EPERM|EACCES|the program is not root either)$/, what);
    assert.ok(isRunning(pid));
  });

  it('starts programs and probes as whom the configuration says, by one process that stays root', async () => {
    const probed = aUnikernel('probed', [], { user: 65_534, ready: ['tcp:8080', 'exec:test -O /proc/self'] });
    await using jitsu = new RunningJitsu([aUnikernel('plain'), probed], { privileges: { user: USER } });
    jitsu.letOthersWrite();
    await jitsu.start();
    const programs = [await jitsu.visit('plain.test'), await jitsu.visit('probed.test')];
    const [plain, other] = programs.map((pid) => threadsOf(pid)[0]);
    assert.deepEqual(plain?.uids, [0, 0, 0, 0]);
    assert.deepEqual([other?.uids, other?.gids, other?.groups], [Array(4).fill(65_534), Array(4).fill(65_534), []]);
    assert.ok([plain, other].every((thread) => thread?.noNewPrivileges));
    const children = childrenOf(jitsu.pid);
    assert.ok(children.length <= 2, String(children.length));
    for (const child of children) assert.ok(threadsOf(child).every(({ uids }) => uids.every((uid) => uid === 0)));
    await jitsu.control.stop('plain', 'suspend');
    assert.match(readFileSync(`/proc/${programs[0]}/status`, 'utf8'), /^State:\s+T/m);
    assert.equal(await jitsu.visit('plain.test'), programs[0]);
    await jitsu.control.stop('probed');
    assert.ok(!isRunning(programs[1] ?? 0));
  });

  it('refuses to share its user with a program', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web', [], { user: USER })], { privileges: { user: USER } });
    await assert.rejects(jitsu.start(), /JITSU_CONFIG_INVALID.*user: Jitsu itself becomes/s);
  });

  it('does not take what a Jitsu that was taken over has written for programs of its own', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web')], { privileges: { user: USER } });
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    const [record] = jitsu.records();
    assert.ok(record);
    await jitsu.end('SIGKILL');
    const written = JSON.parse(readFileSync(record, 'utf8')) as Record<string, unknown>;
    const startTime = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[19];
    writeFileSync(record, JSON.stringify({ ...written, pid: process.pid, startTime, nonce: undefined }));
    await jitsu.start();
    assert.equal((await jitsu.status('web')).state, 'off');
    process.kill(pid, 'SIGKILL');
  });

  it('serves, and takes up after kill -9 what runs', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web')], { privileges: { user: USER } });
    await jitsu.start();
    const pid = await jitsu.visit('web.test');
    await jitsu.end('SIGKILL');
    assert.ok(isRunning(pid));
    await jitsu.start();
    assert.equal(await jitsu.visit('web.test'), pid);
    assert.equal((await jitsu.status('web')).totalStarts, 0);
    await jitsu.control.stop('web');
    assert.ok(!isRunning(pid));
    assert.notEqual(await jitsu.visit('web.test'), pid);
  });

  it('lets a program of another user open its output again, and logs it, also of one that it has adopted', async () => {
    const script = 'while sleep 0.1; do echo "said $(($(date +%s)))" > /dev/stderr; done';
    const { habits: _, ready: __, ...talking } = aUnikernel('talking', [], { user: 65_534 });
    const unikernel = { ...talking, command: ['timeout', '60', 'sh', '-c', script] };
    await using jitsu = new RunningJitsu([unikernel], { privileges: { user: USER } });
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      jitsu.log = '';
      await jitsu.start();
      assert.equal((await jitsu.ask('talking.test')).rcode, 'NOERROR');
      await eventually(() => assert.match(jitsu.log, /(said \d+[^]*){3}/));
      await jitsu.end(signal);
    }
  });

  it('goes on reading and emptying the output of a program that keeps it from others', async () => {
    const script = 'chmod 600 /dev/stdout; while :; do head -c 1000000 /dev/zero | tr "\\0" x; echo; sleep 0.05; done';
    const { habits: _, ready: __, ...keeping } = aUnikernel('keeping', [], { user: 65_534 });
    const unikernel = { ...keeping, command: ['timeout', '60', 'sh', '-c', script] };
    await using jitsu = new RunningJitsu([unikernel], { privileges: { user: USER } });
    await jitsu.start();
    assert.equal((await jitsu.ask('keeping.test')).rcode, 'NOERROR');
    let written = 0;
    await eventually(() => {
      const before = written;
      written = jitsu.sizeOfOutput();
      assert.ok(written < before, `${written} bytes, none of which were given up`);
    }, 20_000);
    assert.doesNotMatch(jitsu.log, /cannot be read/);
  });

  it('goes on waking when somebody removes its runtime folder, which it may not make itself', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web'), aUnikernel('next')], { privileges: { user: USER } });
    await jitsu.start();
    const web = await jitsu.visit('web.test');
    jitsu.removeRuntimeFolder();
    const next = await jitsu.visit('next.test');
    await jitsu.end('SIGKILL');
    await jitsu.start();
    assert.deepEqual([await jitsu.visit('web.test'), await jitsu.visit('next.test')], [web, next]);
  });

  it('stays root where the configuration says so', async () => {
    await using jitsu = new RunningJitsu([aUnikernel('web')], { privileges: 'none' });
    await jitsu.start();
    assert.ok(threadsOf(jitsu.pid).every(({ uids }) => uids.every((uid) => uid === 0)));
    assert.deepEqual((await jitsu.report()).runsAs, { uid: 0 });
    assert.doesNotMatch(jitsu.log, /runs as/);
  });
});
