import assert from 'node:assert/strict';
import childProcess, { execFile, execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { sendSignal } from '#process/send-signal.js';
import type { SpawnOrder } from '#core/plugin-kit/spawn-order.js';
import { Spawner } from '#core/plugin-kit/spawner.js';
import { open } from 'lmdb';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('the process that spawns programs', () => {
  let folder: TemporaryFolder;
  let spawner: Spawner;
  let changes: number;
  let pids: number[];

  beforeEach(() => {
    folder = new TemporaryFolder();
    [changes, pids] = [0, []];
    spawner = new Spawner(() => (changes += 1));
  });

  afterEach(() => {
    spawner.close();
    for (const pid of pids) sendSignal(-pid, 'SIGKILL');
    folder[Symbol.dispose]();
  });

  /** A script of sh, with files of its own. */
  function order(script: string, more: Partial<SpawnOrder> = {}): Omit<SpawnOrder, 'number'> {
    const name = folder.in(String(Math.random()));
    return {
      ...{ program: '/bin/sh', argv0: 'my-sh', words: ['-c', script], cwd: '/usr', env: { A: 'b' } },
      ...{ stdout: `${name}.stdout`, stderr: `${name}.stderr`, ...more },
    };
  }

  async function spawn(script: string, more: Partial<SpawnOrder> = {}) {
    const child = await spawner.spawn(order(script, more));
    pids.push(child.pid);
    return child;
  }

  const fieldOf = (pid: number, field: string): string | undefined => {
    try {
      return new RegExp(`^${field}:\\s+(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    } catch {
      return undefined;
    }
  };
  const parentOf = (pid: number): number => Number(fieldOf(pid, 'PPid'));
  const isAlive = (pid: number): boolean => !['Z', 'X', undefined].includes(fieldOf(pid, 'State'));

  it('gives a program its name, folder, variables, files and session', async () => {
    const files = { stdout: folder.in('out'), stderr: folder.in('err') };
    const child = await spawn('echo $0 $PWD $A; readlink /proc/$$/fd/0; echo oops >&2; sleep 1000', files);
    const lines = `my-sh /usr b\n/dev/null\n`;
    await eventually(() => assert.equal(readFileSync(files.stdout, 'utf8'), lines));
    await eventually(() => assert.equal(readFileSync(files.stderr, 'utf8'), 'oops\n'));
    assert.deepEqual([statSync(files.stdout).mode & 0o777, statSync(files.stderr).mode & 0o777], [0o600, 0o600]);
    assert.equal(readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(' ')[5], String(child.pid));
    assert.equal(child.told, true);
  });

  /** What a script has written, once it has ended. */
  async function said(script: string, more: Partial<SpawnOrder> = {}): Promise<string[]> {
    const stdout = folder.in(String(Math.random()));
    const child = await spawn(script, { stdout, ...more });
    await child.exited;
    return readFileSync(stdout, 'utf8').trim().split('\n');
  }

  it('gives a program, and itself, no file that a library has opened', async () => {
    const store = open({ path: folder.in('store') });
    try {
      // So that this does not hold by itself: whoever is spawned by other ways has it.
      const files = (pid: string) => `ls -l /proc/${pid}/fd | grep -c ${folder.in('store')}; true`;
      assert.notEqual(execFileSync('sh', ['-c', files('self')], { encoding: 'utf8' }), '0\n');
      spawner.close();
      spawner = new Spawner(() => undefined);
      assert.deepEqual(await said(files('self')), ['0']);
      assert.deepEqual(await said(files('$PPID')), ['0']);
      assert.deepEqual(await said('ls /proc/self/fd'), ['0', '1', '2', '3']);
    } finally {
      await store.close();
    }
  });

  it('starts programs that get no more privileges, unless it is told that they may', async () => {
    const privileges = 'grep NoNewPrivs /proc/self/status';
    assert.deepEqual(await said(privileges), ['NoNewPrivs:\t1']);
    spawner.close();
    spawner = new Spawner(() => undefined, false);
    assert.deepEqual(await said(privileges), ['NoNewPrivs:\t0']);
  });

  it('gives a program its mask and its limit of files, and others none of it', async () => {
    const [before] = await said('umask; ulimit -n');
    assert.deepEqual(await said('umask; ulimit -Sn; ulimit -Hn', { umask: 0o27, files: 99 }), ['0027', '99', '99']);
    assert.deepEqual((await said('umask; ulimit -n'))[0], before);
  });

  it('gives a program its user and groups, and no others', async function () {
    requireRoot(this);
    const account = { uid: 65_534, gid: 65_533 };
    const identity = 'id -u; id -g; id -G; grep CapEff /proc/self/status';
    const none = 'CapEff:\t0000000000000000';
    const bare = await said(identity, { account });
    assert.deepEqual(bare, ['65534', '65533', '65533', none]);
    assert.deepEqual(await said(identity, { account, groups: [4_711, 4_712] }), [
      ...['65534', '65533', '65533 4711 4712', none],
    ]);
    assert.deepEqual(await said(`${identity}; ulimit -n`, { account, files: 99 }), [...bare, '99']);
  });

  it('lets a program have the soft limit of files that was there before Node', async () => {
    const script = `
      import { Spawner } from ${JSON.stringify(import.meta.resolve('#core/plugin-kit/spawner.js'))};
      const hold = setInterval(() => undefined, 1000);
      const { exited } = await new Spawner(() => undefined).spawn(${JSON.stringify(order('ulimit -Sn; ulimit -Hn', { stdout: folder.in('limits') }))});
      await exited;
      clearInterval(hold);`;
    writeFileSync(folder.in('script.mjs'), script);
    const limited = `ulimit -Sn 700; ulimit -Hn 1500; ${process.execPath} ${folder.in('script.mjs')}; exit $?`;
    assert.deepEqual(await run('sh', ['-c', limited]), { status: 0, signal: undefined, stdout: '', stderr: '' });
    assert.equal(readFileSync(folder.in('limits'), 'utf8'), '700\n1500\n');
  });

  it('ends what a temporary program has left, and all of it when it ends itself', async () => {
    const left = folder.in('left');
    const child = await spawn(`sleep 1000 & echo $! > ${left}`, { temporary: true });
    await child.exited;
    await eventually(() => assert.equal(isAlive(Number(readFileSync(left, 'utf8'))), false));
    const [temporary, other] = [await spawn('sleep 1000', { temporary: true }), await spawn('sleep 1000')];
    spawner.close();
    await eventually(() => assert.equal(isAlive(temporary.pid), false));
    assert.equal(isAlive(other.pid), true);
  });

  it('needs no files for the output', async () => {
    const { stdout: _stdout, stderr: _stderr, ...rest } = order('echo x; echo y >&2; exit 3');
    assert.deepEqual(await (await spawner.spawn(rest)).exited, { status: 3 });
  });

  it('tells how each program ends', async () => {
    const [three, killed, fine] = await Promise.all([
      spawn('sleep 0.1; exit 3'),
      spawn('sleep 1000'),
      spawn('sleep 0.05'),
    ]);
    process.kill(killed.pid, 'SIGKILL');
    assert.deepEqual(
      [await three.exited, await killed.exited, await fine.exited],
      [{ status: 3 }, { signal: 'SIGKILL' }, { status: 0 }],
    );
    assert.equal(new Set([three, killed, fine].map(({ pid }) => pid)).size, 3);
  });

  it('tells what cannot be started, and starts others', async () => {
    const missing = { code: 'ENOENT', message: 'spawn /no/such/program ENOENT' };
    await assert.rejects(spawn('', { program: '/no/such/program' }), missing);
    const taken = folder.in('taken');
    writeFileSync(taken, 'kept');
    await assert.rejects(spawn('echo x', { stderr: taken }), { code: 'EEXIST' });
    assert.equal(readFileSync(taken, 'utf8'), 'kept');
    await spawn('sleep 1000');
    const spawnerPid = parentOf(pids[0] ?? NaN);
    for (let time = 0; time < 5; time += 1) await assert.rejects(spawn('', { program: '/no/such/program' }));
    const openFiles = (): number => readdirSync(`/proc/${spawnerPid}/fd`).length;
    const before = openFiles();
    for (let time = 0; time < 5; time += 1) await assert.rejects(spawn('', { program: '/no/such/program' }));
    assert.ok(openFiles() < before + 10, 'the files of programs are closed');
  });

  it('tells once that programs were stopped and continued within 40 ms', async () => {
    const { pid } = await spawn('sleep 1000');
    await sleep(100);
    changes = 0;
    for (const signal of ['SIGSTOP', 'SIGCONT', 'SIGSTOP', 'SIGCONT', 'SIGSTOP', 'SIGCONT'] as const) {
      process.kill(pid, signal);
      await sleep(5);
    }
    await eventually(() => assert.ok(changes > 0));
    await sleep(200);
    assert.ok(changes < 6, `${changes} times`);
    const before = changes;
    process.kill(pid, 'SIGSTOP');
    await eventually(() => assert.ok(changes > before));
  });

  it('ignores the signals that are meant for Jitsu', async () => {
    const first = await spawn('sleep 1000');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(parentOf(first.pid), signal);
    await sleep(100);
    const second = await spawn('sleep 1000');
    assert.equal(parentOf(second.pid), parentOf(first.pid));
    assert.equal(spawner.hasEnded, false);
  });

  it('leaves its programs running when it is killed, and says that their ends are not told any more', async () => {
    const child = await spawn('sleep 1000');
    const underWay = { ...order('sleep 1000') };
    process.kill(parentOf(child.pid), 'SIGSTOP');
    const lost = assert.rejects(spawner.spawn(underWay), /^Error: the process that spawns programs has ended$/);
    changes = 0;
    process.kill(parentOf(child.pid), 'SIGKILL');
    await lost;
    await eventually(() => assert.ok(changes > 0));
    assert.deepEqual([spawner.hasEnded, child.told, isAlive(child.pid)], [true, false, true]);
    await assert.rejects(spawner.spawn(underWay), /^Error: the process that spawns programs has ended$/);
    spawner.close();
  });

  it('ends when it is closed, and its programs go on', async () => {
    const child = await spawn('sleep 1000');
    const parent = parentOf(child.pid);
    spawner.close();
    await eventually(() => assert.equal(isAlive(parent), false));
    await eventually(() => assert.deepEqual([spawner.hasEnded, child.told], [true, false]));
    assert.ok(isAlive(child.pid));
    spawner.close();
  });

  it('carries out its orders before it ends', async () => {
    const [one, other] = [spawn('sleep 1000'), spawn('sleep 1000')];
    spawner.close();
    spawner.close();
    const parent = parentOf((await one).pid);
    assert.ok(isAlive((await other).pid));
    await eventually(() => assert.equal(isAlive(parent), false));
  });

  it('does not keep Jitsu from ending, once its orders are carried out', async () => {
    const script = `
      import { Spawner } from ${JSON.stringify(import.meta.resolve('#core/plugin-kit/spawner.js'))};
      const spawner = new Spawner(() => undefined);
      const { pid } = await spawner.spawn(${JSON.stringify(order('sleep 1000'))});
      console.log(pid);`;
    const { status, stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script]);
    const pid = Number(stdout);
    assert.deepEqual([status, stderr, pid > 1], [0, '', true]);
    pids.push(pid);
    assert.ok(isAlive(pid));
    const idle = script.replace(/const \{ pid \}[^]*/, '');
    assert.equal((await run(process.execPath, ['--input-type=module', '-e', idle])).status, 0);
  });

  it('ends without a word when Jitsu is killed while it has news', async () => {
    mkdirSync(folder.in('files'));
    const script = `
      import { fork } from 'node:child_process';
      const program = ${JSON.stringify(new URL(import.meta.resolve('#core/plugin-kit/spawner-program.js')).pathname)};
      const child = fork(program, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      let started = 0;
      child.on('message', (news) => {
        if ('pid' in news && ++started === 30) process.kill(process.pid, 'SIGKILL');
      });
      for (let number = 0; number < 60; number += 1) {
        const [stdout, stderr] = ['out', 'err'].map((name) => ${JSON.stringify(folder.in('files/'))} + number + name);
        child.send({ number, program: '/bin/true', argv0: 'true', words: [], cwd: '/', env: {}, stdout, stderr });
      }`;
    const { signal, stderr } = await run(process.execPath, ['--input-type=module', '-e', script]);
    assert.deepEqual([signal, stderr], ['SIGKILL', '']);
  });
});

describe('what Jitsu is told by the process that spawns', () => {
  /** A process that the test speaks for. */
  class FakeProcess extends EventEmitter {
    connected = true;
    channel: object | undefined = { ref: () => (this.holds += 1), unref: () => (this.holds -= 1) };
    /** How often it was held open more than let go. */
    holds = 0;
    readonly orders: SpawnOrder[] = [];
    failure: Error | null = null;

    send(order: SpawnOrder, sent: (error: Error | null) => void): void {
      this.orders.push(order);
      sent(this.failure);
    }

    disconnect(): void {
      this.connected = false;
      this.emit('disconnect');
    }

    ref(): void {
      this.holds += 10;
    }

    unref(): void {
      this.holds -= 10;
    }
  }

  const ORDER = { ...{ program: '/bin/web', argv0: 'web', words: [], cwd: '/', env: {} }, stdout: '/o', stderr: '/e' };
  let fake: FakeProcess;
  let spawner: Spawner;
  let changes: number;

  beforeEach(() => {
    fake = new FakeProcess();
    changes = 0;
    const { fork } = childProcess;
    Object.assign(childProcess, { fork: () => fake });
    syncBuiltinESMExports();
    try {
      spawner = new Spawner(() => (changes += 1));
    } finally {
      Object.assign(childProcess, { fork });
      syncBuiltinESMExports();
    }
  });

  it('holds Jitsu open as long as an order is not carried out', async () => {
    assert.equal(fake.holds, -11);
    const [one, other] = [spawner.spawn(ORDER), spawner.spawn(ORDER)];
    assert.equal(fake.holds, 11);
    const [first = NaN, second = NaN] = fake.orders.map(({ number }) => number);
    assert.notEqual(first, second);
    fake.emit('message', { number: first, pid: 42 });
    assert.equal((await one).pid, 42);
    assert.equal(fake.holds, 11);
    fake.emit('message', { number: second, failure: { code: 'ENOENT', message: 'none' } });
    await assert.rejects(other, { code: 'ENOENT', message: 'none' });
    assert.deepEqual([fake.holds, changes, fake.connected], [0, 0, true]);
  });

  it('needs no channel to be let go', async () => {
    fake.channel = undefined;
    const spawned = spawner.spawn(ORDER);
    fake.emit('message', { number: fake.orders[0]?.number, pid: 42 });
    await spawned;
    assert.equal(fake.holds, -11);
  });

  it('is closed when the last of its orders is carried out, and only if that is wanted', async () => {
    const [one, other] = [spawner.spawn(ORDER), spawner.spawn(ORDER)];
    spawner.close();
    fake.emit('message', { number: fake.orders[0]?.number, pid: 42 });
    await one;
    assert.equal(fake.connected, true);
    fake.emit('message', { number: fake.orders[1]?.number, pid: 43 });
    await other;
    assert.equal(fake.connected, false);
    spawner.close();
  });

  it('tells a change, and an end once', async () => {
    fake.emit('message', { changed: true });
    assert.equal(changes, 1);
    const spawned = spawner.spawn(ORDER);
    const number = fake.orders[0]?.number;
    fake.emit('message', { number, pid: 42 });
    const { exited, told } = await spawned;
    assert.equal(told, true);
    for (const status of [3, 4]) fake.emit('message', { number, exit: { status } });
    assert.deepEqual(await exited, { status: 3 });
  });

  it('takes no notice of news about what it has not ordered', () => {
    fake.emit('message', { number: 7, exit: {} });
    fake.emit('message', { number: 7, pid: 42 });
    fake.emit('message', { number: 7, failure: { code: undefined, message: 'none' } });
    assert.equal(changes, 0);
  });

  for (const [what, fail] of [
    ['cannot be started', () => fake.emit('error', new Error('no'))],
    ['cannot be sent an order', () => void spawner.spawn(ORDER).catch(() => undefined)],
  ] as const) {
    it(`rejects all orders with the first reason where it ${what}`, async () => {
      const child = spawner.spawn(ORDER);
      fake.emit('message', { number: fake.orders[0]?.number, pid: 42 });
      const { exited } = await child;
      const underWay = spawner.spawn(ORDER);
      fake.failure = new Error('no');
      fail();
      await assert.rejects(underWay, /^Error: no$/);
      assert.deepEqual([spawner.hasEnded, changes, (await child).told], [true, 1, false]);
      fake.disconnect();
      const sent = fake.orders.length;
      await assert.rejects(spawner.spawn(ORDER), /^Error: no$/);
      assert.equal(fake.orders.length, sent);
      fake.emit('message', { number: fake.orders[0]?.number, exit: { status: 3 } });
      assert.equal(await Promise.race([exited, sleep(10, 'not told')]), 'not told');
    });
  }
});

function run(program: string, words: string[]) {
  return new Promise<{ status: unknown; signal: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(program, words, { timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : error.code, signal: error?.signal, stdout, stderr });
    });
  });
}
