import assert from 'node:assert/strict';
import childProcess, { execFile, execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '#core/testing/eventually.js';
import { sendSignal } from '#core/plugin-kit/send-signal.js';
import type { Launch, LaunchDetails, LaunchSocket } from '#core/contracts/spawner.js';
import type { TrustedOrder } from '#core/plugin-kit/spawn-order.js';
import { SpawnerProcess } from '#core/plugin-kit/spawner-process.js';
import { InheritableFile } from '../../support/inheritable-file.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const suite = (way: string) => () => {
  let folder: TemporaryFolder;
  let spawner: SpawnerProcess;
  let changes: number;
  let pids: number[];

  beforeEach(async () => {
    folder = new TemporaryFolder();
    [changes, pids] = [0, []];
    spawner = new SpawnerProcess(() => (changes += 1));
    if (way === 'once') await load();
  });

  afterEach(() => {
    spawner.close();
    for (const pid of pids) sendSignal(-pid, 'SIGKILL');
    folder[Symbol.dispose]();
  });

  /** A script of sh, with files of its own. */
  function order(script: string, more: Partial<Launch> = {}, details: LaunchDetails = {}) {
    const launch = { program: '/bin/sh', argv0: 'my-sh', words: ['-c', script], cwd: '/usr', env: { A: 'b' } };
    return { launch: { ...launch, output: folder.in(String(Math.random())), ...more }, details };
  }

  async function spawn(script: string, more: Partial<Launch> = {}, details: LaunchDetails = {}) {
    const child = await spawner.spawn(order(script, more, details), more.temporary);
    pids.push(child.pid);
    return child;
  }

  /** Its first program has it load posix_spawn. */
  async function load(): Promise<void> {
    const { pid, exited } = await spawner.spawn(order('sleep 1000'), true);
    const maps = `/proc/${parentOf(pid)}/maps`;
    await eventually(() => assert.match(readFileSync(maps, 'latin1'), /koffi/));
    process.kill(pid, 'SIGKILL');
    await exited;
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
    const output = folder.in(String(Math.random()));
    const child = await spawn('echo $0 $PWD $A; readlink /proc/$$/fd/0; echo oops >&2; sleep 1000', { output });
    const lines = `my-sh /usr b\n/dev/null\n`;
    await eventually(() => assert.equal(readFileSync(`${output}.stdout`, 'utf8'), lines));
    await eventually(() => assert.equal(readFileSync(`${output}.stderr`, 'utf8'), 'oops\n'));
    const modes = ['stdout', 'stderr'].map((ending) => statSync(`${output}.${ending}`).mode & 0o777);
    assert.deepEqual(modes, [0o600, 0o600]);
    assert.equal(readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(' ')[5], String(child.pid));
    assert.equal(child.told, true);
  });

  /** What a script has written, once it has ended. */
  async function said(script: string, more: Partial<Launch> = {}, details: LaunchDetails = {}): Promise<string[]> {
    const output = folder.in(String(Math.random()));
    const child = await spawn(script, { output, ...more }, details);
    await child.exited;
    return readFileSync(`${output}.stdout`, 'utf8').trim().split('\n');
  }

  it('gives a program, and itself, no file that a library has opened', async () => {
    const file = new InheritableFile(folder.in('store'));
    try {
      // So that this does not hold by itself: whoever is spawned by other ways has it.
      const files = (pid: string) => `ls -l /proc/${pid}/fd | grep -c ${folder.in('store')}; true`;
      assert.notEqual(execFileSync('sh', ['-c', files('self')], { encoding: 'utf8' }), '0\n');
      spawner.close();
      spawner = new SpawnerProcess(() => undefined);
      assert.deepEqual(await said(files('self')), ['0']);
      assert.deepEqual(await said(files('$PPID')), ['0']);
      assert.deepEqual(await said('ls /proc/self/fd'), ['0', '1', '2', '3']);
    } finally {
      file[Symbol.dispose]();
    }
  });

  describe('given sockets for a program', () => {
    let servers: Server[];

    beforeEach(() => (servers = []));
    afterEach(() => servers.forEach((server) => server.close()));

    /** Sockets that listen, each with its name. */
    async function listening(...names: string[]): Promise<Extract<LaunchSocket, { descriptor: number }>[]> {
      return Promise.all(
        names.map(async (name) => {
          const server = createServer().listen(0, '127.0.0.1');
          servers.push(server);
          await once(server, 'listening');
          return { name, descriptor: (server as unknown as { _handle: { fd: number } })._handle.fd };
        }),
      );
    }

    it('gives it these as its files from 3 on, with their number, their names and its own pid', async () => {
      const sockets = await listening('http', 'admin');
      const script =
        'echo $LISTEN_FDS $LISTEN_FDNAMES $LISTEN_PID $$; readlink /proc/$$/fd/3 /proc/$$/fd/4; ls /proc/$$/fd';
      const [variables = '', ...files] = await said(script, { sockets });
      const [count, names, pid, own] = variables.split(' ');
      assert.deepEqual([count, names, pid], ['2', 'http:admin', own]);
      const links = sockets.map(({ descriptor }) => readlinkSync(`/proc/self/fd/${descriptor}`));
      assert.deepEqual(files, [...links, '0', '1', '2', '3', '4']);
      assert.deepEqual(await said('echo "$LISTEN_FDS."; ls /proc/self/fd'), ['.', '0', '1', '2', '3']);
    });

    it('gives it its pid also behind its limits, as another user, and with variables that no shell takes', async function () {
      requireRoot(this);
      const sockets = await listening('http');
      const script = 'echo $LISTEN_PID-$$ $(readlink /proc/$$/fd/3 | cut -c 1-7)';
      for (const more of [{ files: 99 }, { account: { uid: 65_534, gid: 65_534 } }, { env: { 'a.b': 'c' } }]) {
        const [line = ''] = await said(script, { sockets, ...more });
        const [, pid, own] = /^(\d+)-(\d+) socket:$/.exec(line) ?? [];
        assert.ok(pid !== undefined && pid === own, `${JSON.stringify(more)}: ${line}`);
      }
      const [kept] = await said("tr '\\0' '\\n' < /proc/$$/environ | grep a.b", { sockets, env: { 'a.b': 'c' } });
      assert.equal(kept, 'a.b=c');
    });

    it('gives it sockets that wait, whatever a program before it has set', async () => {
      const sockets = await listening('http');
      // Node's own do not wait.
      const [line] = await said('grep flags /proc/$$/fdinfo/3', { sockets });
      assert.equal(parseInt(line?.split(/\s+/)[1] ?? '', 8) & 0o4000, 0);
    });

    it('passes more of them than fit into the channel, and holds none afterwards', async () => {
      const [one] = await listening('one');
      const sockets = Array.from({ length: 1_500 }, () => one as NonNullable<typeof one>);
      const { exited, pid } = await spawn('true', { sockets: sockets.slice(0, 200) });
      await exited;
      const parent = parentOf((await spawn('sleep 1000')).pid);
      assert.ok(pid > 0);
      const held = readdirSync(`/proc/${parent}/fd`).filter((fd) => {
        return readlinkSync(`/proc/${parent}/fd/${fd}`) === readlinkSync(`/proc/self/fd/${one?.descriptor}`);
      });
      assert.deepEqual(held, []);
      spawner.list('many', { program: '/bin/true', argv0: 'true', words: [], cwd: '/', sockets });
      await spawner.seal({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
      // The limit of files that programs inherit does not count for them.
      assert.ok(readdirSync(`/proc/${parent}/fd`).length > 1_500);
    });

    it('says why a program cannot be started whose socket cannot be passed', async () => {
      const sockets = [{ name: 'closed', descriptor: 999_999 }];
      await assert.rejects(spawn('true', { sockets }), /EBADF/);
      assert.deepEqual(await said('echo on'), ['on']);
    });
  });

  it('starts programs that get no more privileges, unless it is told that they may', async () => {
    const privileges = 'grep NoNewPrivs /proc/self/status';
    assert.deepEqual(await said(privileges), ['NoNewPrivs:\t1']);
    spawner.close();
    spawner = new SpawnerProcess(() => undefined, false);
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
    const own = process.getgroups?.() ?? [];
    // Else nothing of Jitsu's own could be left.
    process.setgroups?.([0, 4_713]);
    try {
      spawner.close();
      spawner = new SpawnerProcess(() => (changes += 1));
      assert.deepEqual(await said('id -G'), ['0 4713']);
      assert.deepEqual(await said(identity, { account }), bare);
      assert.deepEqual(await said(`${identity}; ulimit -n`, { account, files: 99 }), [...bare, '99']);
    } finally {
      process.setgroups?.(own);
    }
  });

  it('lets a program of another user open its own output again', async function () {
    requireRoot(this);
    const account = { uid: 65_534, gid: 65_533 };
    const script = 'echo one >> /dev/stderr && echo two >> /dev/stdout && echo three >&2';
    const output = folder.in('reopened');
    const child = await spawn(script, { account, output });
    assert.deepEqual(await child.exited, { status: 0 });
    const [out, errors] = ['stdout', 'stderr'].map((ending) => `${output}.${ending}`) as [string, string];
    assert.deepEqual([readFileSync(out, 'utf8'), readFileSync(errors, 'utf8')], ['two\n', 'one\nthree\n']);
    const { uid, gid, mode } = statSync(out);
    assert.deepEqual([uid, gid, mode & 0o777], [65_534, 65_533, 0o600]);
  });

  it('lets a program have the soft limit of files that was there before Node', async () => {
    const output = folder.in(String(Math.random()));
    const script = `
      import { SpawnerProcess } from ${JSON.stringify(import.meta.resolve('#core/plugin-kit/spawner-process.js'))};
      const hold = setInterval(() => undefined, 1000);
      const { exited } = await new SpawnerProcess(() => undefined).spawn(${JSON.stringify(order('ulimit -Sn; ulimit -Hn', { output }))});
      await exited;
      clearInterval(hold);`;
    writeFileSync(folder.in('script.mjs'), script);
    const limited = `ulimit -Sn 700; ulimit -Hn 1500; ${process.execPath} ${folder.in('script.mjs')}; exit $?`;
    assert.deepEqual(await run('sh', ['-c', limited]), { status: 0, signal: undefined, stdout: '', stderr: '' });
    assert.equal(readFileSync(`${output}.stdout`, 'utf8'), '700\n1500\n');
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

  it('finds a program by the PATH that it gets', async () => {
    const [bin, other] = [folder.in('bin'), folder.in('other')];
    for (const path of [bin, other]) mkdirSync(path);
    writeFileSync(`${other}/web`, '#!/bin/sh\nexit 7', { mode: 0o755 });
    const env = { PATH: `${folder.in('none')}:${bin}:${other}` };
    const run = async (program: string) => (await spawn('', { program, words: [], env })).exited;
    assert.deepEqual(await run('web'), { status: 7 });
    mkdirSync(`${bin}/web`);
    assert.deepEqual(await run('web'), { status: 7 });
    await assert.rejects(run('db'), { code: 'ENOENT', message: 'spawn db ENOENT' });
    writeFileSync(`${bin}/db`, '', { mode: 0o600 });
    await assert.rejects(run('db'), { code: 'EACCES' });
  });

  it('gives a script without #! to the shell', async () => {
    writeFileSync(folder.in('script'), 'echo $1; exit 5', { mode: 0o755 });
    const output = folder.in(String(Math.random()));
    const child = await spawn('', { program: folder.in('script'), words: ['a b'], output });
    assert.deepEqual(await child.exited, { status: 5 });
    assert.equal(readFileSync(`${output}.stdout`, 'utf8'), 'a b\n');
  });

  it('refuses text that the system would cut off', async () => {
    for (const more of [{ words: ['-c', 'exit 0\0; exit 1'] }, { env: { A: 'b\0c' } }, { program: '/bin/sh\0' }]) {
      await assert.rejects(spawn('', more), ({ code }: NodeJS.ErrnoException) => code?.includes('INVAL') === true);
    }
  });

  it('lets a program begin without signals that are ignored or blocked', async () => {
    const masks = await said('exec grep -E "^Sig(Ign|Blk)" /proc/self/status');
    assert.deepEqual(
      masks,
      ['Blk', 'Ign'].map((name) => `Sig${name}:\t0000000000000000`),
    );
  });

  it('tells the ends of programs of several users', async function () {
    requireRoot(this);
    const other = { account: { uid: 65_534, gid: 65_534 } };
    const children = await Promise.all(
      Array.from({ length: 20 }, (_, n) => spawn(`sleep 0.0${n % 7}; exit ${n}`, n % 2 === 0 ? other : {})),
    );
    const exits = await Promise.all(children.map(({ exited }) => exited));
    assert.deepEqual(
      exits,
      Array.from({ length: 20 }, (_, status) => ({ status })),
    );
    const { pid } = await spawn('sleep 1000', other);
    await sleep(100);
    changes = 0;
    process.kill(pid, 'SIGSTOP');
    await eventually(() => assert.ok(changes > 0));
  });

  it('needs no files for the output', async () => {
    assert.deepEqual(await (await spawn('echo x; echo y >&2; exit 3', { output: undefined })).exited, { status: 3 });
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
    const output = folder.in('taken');
    writeFileSync(`${output}.stderr`, 'kept');
    await assert.rejects(spawn('echo x', { output }), { code: 'EEXIST', path: `${output}.stderr` });
    assert.equal(readFileSync(`${output}.stderr`, 'utf8'), 'kept');
    await spawn('sleep 1000');
    const spawnerPid = parentOf(pids[0] ?? NaN);
    for (let time = 0; time < 5; time += 1) await assert.rejects(spawn('', { program: '/no/such/program' }));
    const openFiles = (): number => readdirSync(`/proc/${spawnerPid}/fd`).length;
    const before = openFiles();
    for (let time = 0; time < 5; time += 1) await assert.rejects(spawn('', { program: '/no/such/program' }));
    assert.ok(openFiles() < before + 10, 'the files of programs are closed');
  });

  it('puts the variables of a program together, the later of which win', async () => {
    const environmentFile = folder.in('variables');
    writeFileSync(environmentFile, '\uFEFFC=file\nD=file\nJITSU_SPAWN=file');
    const inherited = { A: 'inherited', B: 'inherited', JITSU_ADDRESSES: 'inherited' };
    const env = { B: 'own', C: 'own', E: undefined };
    const launch = { inherited, env, environmentFile, marks: { D: 'mark' } };
    const script = 'echo $A $B $C $D ${E-none} ${JITSU_SPAWN-none} $JITSU_ADDRESSES';
    assert.deepEqual(await said(script, launch), ['inherited own file mark none file inherited']);
    writeFileSync(environmentFile, 'C=again');
    const details = { nonce: '0'.repeat(32), addresses: ['192.0.2.1', '2001:db8::1'] };
    assert.deepEqual(await said(script, launch, details), [
      `inherited own again mark none ${details.nonce} 192.0.2.1 2001:db8::1`,
    ]);
    rmSync(environmentFile);
    await assert.rejects(spawn(script, launch), { code: 'ENOENT', path: environmentFile });
  });

  it('tells once that programs were stopped and continued within 40 ms', async () => {
    const { pid } = await spawn('sleep 1000');
    await sleep(100);
    changes = 0;
    const begin = performance.now();
    for (let round = 0; round < 20; round += 1) {
      for (const [signal, state] of [
        ['SIGSTOP', 'T'],
        ['SIGCONT', 'S'],
      ] as const) {
        process.kill(pid, signal);
        await eventually(() => assert.equal(fieldOf(pid, 'State'), state));
      }
    }
    await eventually(() => assert.ok(changes > 0));
    await sleep(100);
    // However long that took on a busy machine.
    const most = (performance.now() - begin) / 40;
    assert.ok(changes <= most, `${changes} times, and not ${most}`);
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
    const underWay = order('sleep 1000');
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
      import { SpawnerProcess } from ${JSON.stringify(import.meta.resolve('#core/plugin-kit/spawner-process.js'))};
      const spawner = new SpawnerProcess(() => undefined);
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
    const script = `
      import { SpawnerProcess } from ${JSON.stringify(import.meta.resolve('#core/plugin-kit/spawner-process.js'))};
      const spawner = new SpawnerProcess(() => undefined);
      const launch = { program: '/bin/true', argv0: 'true', words: [], cwd: '/' };
      let started = 0;
      for (let number = 0; number < 60; number += 1) {
        void spawner.spawn({ launch, details: {} }).then(() => {
          if (++started === 30) process.kill(process.pid, 'SIGKILL');
        });
      }`;
    const { signal, stderr } = await run(process.execPath, ['--input-type=module', '-e', script]);
    assert.deepEqual([signal, stderr], ['SIGKILL', '']);
  });
};

const WAYS = process.platform === 'linux' ? ['before', 'once'] : ['before'];
for (const way of WAYS) describe(`the process that spawns programs, ${way} posix_spawn is loaded`, suite(way));

describe('what Jitsu is told by the process that spawns', () => {
  /** A process that the test speaks for, by a socket that is only as much of one as is used. */
  class FakeProcess extends EventEmitter {
    /** How often it was held open more than let go. */
    holds = 0;
    isClosed = false;
    readonly orders: (TrustedOrder & { number: number })[] = [];
    failure: Error | undefined;
    readonly socket = Object.assign(new EventEmitter(), {
      writableLength: 0,
      ref: () => (this.holds += 1),
      unref: () => (this.holds -= 1),
      write: (bytes: Buffer) => {
        this.orders.push(JSON.parse(bytes.toString('utf8', 4)) as (typeof this.orders)[number]);
        if (this.failure) this.emit('error', this.failure);
      },
      end: () => this.end(),
    });
    stdio: unknown[] | undefined = [null, null, null, this.socket];

    tell(news: object): void {
      const bytes = Buffer.from(`    ${JSON.stringify(news)}`);
      bytes.writeUInt32LE(bytes.length - 4);
      this.socket.emit('data', bytes);
    }

    end(): void {
      this.isClosed = true;
      this.socket.emit('end');
    }

    ref(): void {
      this.holds += 10;
    }

    unref(): void {
      this.holds -= 10;
    }
  }

  const LAUNCH = { ...{ program: '/bin/web', argv0: 'web', words: [], cwd: '/', env: {} }, output: '/o' };
  const ORDER = { launch: LAUNCH, details: {} };
  let fake: FakeProcess;
  let spawner: SpawnerProcess;
  let changes: number;

  beforeEach(() => {
    fake = new FakeProcess();
    changes = 0;
    spawner = make();
  });

  function make(): SpawnerProcess {
    const { spawn } = childProcess;
    Object.assign(childProcess, { spawn: () => fake });
    syncBuiltinESMExports();
    try {
      return new SpawnerProcess(() => (changes += 1));
    } finally {
      Object.assign(childProcess, { spawn });
      syncBuiltinESMExports();
    }
  }

  it('holds Jitsu open as long as an order is not carried out', async () => {
    assert.equal(fake.holds, -11);
    const [one, other] = [spawner.spawn(ORDER), spawner.spawn(ORDER)];
    assert.equal(fake.holds, 11);
    const [first = NaN, second = NaN] = fake.orders.map(({ number }) => number);
    assert.notEqual(first, second);
    fake.tell({ number: first, pid: 42 });
    assert.equal((await one).pid, 42);
    assert.equal(fake.holds, 11);
    fake.tell({ number: second, failure: { code: 'ENOENT', message: 'none' } });
    await assert.rejects(other, { code: 'ENOENT', message: 'none' });
    assert.deepEqual([fake.holds, changes, fake.isClosed], [0, 0, false]);
  });

  it('tells of temporary programs that they have ended when it has', async () => {
    const spawned = spawner.spawn(ORDER, true);
    fake.tell({ number: fake.orders[0]?.number, pid: 42 });
    const child = await spawned;
    fake.end();
    assert.deepEqual([await child.exited, child.told], [{}, false]);
    await assert.rejects(spawner.spawn(ORDER), { lost: true });
  });

  it('rejects orders with the reason where there is not even a socket', async () => {
    fake = new FakeProcess();
    fake.stdio = undefined;
    spawner = make();
    const spawned = spawner.spawn(ORDER);
    fake.emit('error', new Error('EMFILE'));
    await assert.rejects(spawned, { message: 'EMFILE', lost: true });
    assert.equal(fake.holds, 0);
    spawner.close();
  });

  it('is closed when the last of its orders is carried out, and only if that is wanted', async () => {
    const [one, other] = [spawner.spawn(ORDER), spawner.spawn(ORDER)];
    spawner.close();
    fake.tell({ number: fake.orders[0]?.number, pid: 42 });
    await one;
    assert.equal(fake.isClosed, false);
    fake.tell({ number: fake.orders[1]?.number, pid: 43 });
    await other;
    assert.equal(fake.isClosed, true);
    spawner.close();
  });

  it('tells a change, and an end once', async () => {
    fake.tell({ changed: true });
    assert.equal(changes, 1);
    const spawned = spawner.spawn(ORDER);
    const number = fake.orders[0]?.number;
    fake.tell({ number, pid: 42 });
    const { exited, told } = await spawned;
    assert.equal(told, true);
    for (const status of [3, 4]) fake.tell({ number, exit: { status } });
    assert.deepEqual(await exited, { status: 3 });
  });

  it('takes no notice of news about what it has not ordered', () => {
    fake.tell({ number: 7, exit: {} });
    fake.tell({ number: 7, pid: 42 });
    fake.tell({ number: 7, failure: { code: undefined, message: 'none' } });
    assert.equal(changes, 0);
  });

  for (const [what, fail] of [
    ['cannot be started', () => fake.emit('error', new Error('no'))],
    ['cannot be sent an order', () => void spawner.spawn(ORDER).catch(() => undefined)],
  ] as const) {
    it(`rejects all orders with the first reason where it ${what}`, async () => {
      const child = spawner.spawn(ORDER);
      fake.tell({ number: fake.orders[0]?.number, pid: 42 });
      const { exited } = await child;
      const underWay = spawner.spawn(ORDER);
      fake.failure = new Error('no');
      fail();
      await assert.rejects(underWay, /^Error: no$/);
      assert.deepEqual([spawner.hasEnded, changes, (await child).told], [true, 1, false]);
      fake.end();
      const sent = fake.orders.length;
      await assert.rejects(spawner.spawn(ORDER), /^Error: no$/);
      assert.equal(fake.orders.length, sent);
      fake.tell({ number: fake.orders[0]?.number, exit: { status: 3 } });
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
