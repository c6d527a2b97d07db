import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { getPriority } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Launch, Launchable, LaunchDetails, LiveChild } from '#core/contracts/spawner.js';
import { ownThreadId } from '#core/dns/transport/mmsg/thread-priority.js';
import { SealableSpawner } from '#core/plugin-kit/sealable-spawner.js';
import { eventually } from '#core/testing/eventually.js';
import { sendSignal } from '#core/plugin-kit/send-signal.js';
import { MemoryLogger } from '../../support/memory-logger.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const OWN = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const SLEEP: Partial<Launch> = { program: '/bin/sleep', argv0: 'sleep', words: ['1000'] };

describe('the spawner of a Jitsu', () => {
  let folder: TemporaryFolder;
  let logger: MemoryLogger;
  let spawner: SealableSpawner;
  let changes: number;
  let watch: Disposable;
  let pids: number[];

  beforeEach(() => {
    folder = new TemporaryFolder();
    logger = new MemoryLogger();
    spawner = new SealableSpawner(logger);
    [changes, pids] = [0, []];
    watch = spawner.watch(() => (changes += 1));
  });

  afterEach(() => {
    void spawner.close();
    for (const pid of pids) sendSignal(-pid, 'SIGKILL');
    folder[Symbol.dispose]();
  });

  /** A script of sh by its name. */
  function launchable(key: string, more: Partial<Launch> = {}, script = 'sleep 1000'): Launchable {
    return {
      key,
      launch: () => ({ program: '/bin/sh', argv0: 'sh', words: ['-c', script], cwd: '/', env: {}, ...more }),
    };
  }

  async function spawn(what: Launchable, details?: LaunchDetails): Promise<LiveChild> {
    const child = await spawner.spawn(what, details);
    pids.push(child.pid);
    return child;
  }

  const statusOf = (pid: number): string => {
    try {
      return readFileSync(`/proc/${pid}/status`, 'utf8');
    } catch {
      return '';
    }
  };
  const parentOf = (pid: number): number => Number(/^PPid:\s+(\d+)/m.exec(statusOf(pid))?.[1]);
  const isAlive = (pid: number): boolean => /^State:\s+[^ZX]/m.test(statusOf(pid));
  const startTimeOf = (pid: number): string =>
    readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19] ?? '';

  /** Until the process that has spawned this one knows which of its children a change is about. */
  const knowsChildren = (pid: number): Promise<void> =>
    eventually(() => assert.match(readFileSync(`/proc/${parentOf(pid)}/maps`, 'latin1'), /koffi/));

  /** Seals it with these launches. */
  async function seal(...allowed: Launchable[]): Promise<void> {
    spawner.expectSeal();
    for (const each of allowed) spawner.allow(each);
    await spawner.seal(OWN);
  }

  it('starts no program without the sockets that it has now, where it did not have them before the seal', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
      const { fd: descriptor } = (server as unknown as { _handle: { fd: number } })._handle;
      const sockets = [{ name: 'web', descriptor }];
      await seal(launchable('before', { ...SLEEP, sockets }), launchable('late', SLEEP));
      const late = spawn(launchable('late', { ...SLEEP, sockets }));
      await assert.rejects(late, { code: 'JITSU_BACKEND_DENIED', message: /did not have the sockets.*Restart Jitsu/ });
      const { pid } = await spawn(launchable('before', { ...SLEEP, sockets }));
      assert.equal(readlinkSync(`/proc/${pid}/fd/3`), readlinkSync(`/proc/self/fd/${descriptor}`));
    } finally {
      server.close();
    }
  });

  it('allows no socket by Node’s own object, which takes a channel that nobody may have who gives up root', () => {
    spawner.expectSeal();
    const sockets = [{ name: 'web', handle: {}, returned: () => undefined }];
    assert.throws(() => spawner.allow(launchable('web', { ...SLEEP, sockets })), {
      code: 'JITSU_UNIKERNEL_INVALID',
      message: /koffi/,
    });
    spawner.stayOpen();
  });

  for (const sealed of [false, true]) {
    describe(sealed ? 'that is sealed' : 'that is not sealed', () => {
      it('has one process for programs and commands, and another for those that may get more privileges', async () => {
        const kinds = [{}, {}, { newPrivileges: true }, { temporary: true }, { temporary: true, newPrivileges: true }];
        const all = kinds.map((more, index) => launchable(String(index), { ...SLEEP, ...more }));
        if (sealed) await seal(...all);
        for (const each of all) await spawn(each);
        const [one, two, ...others] = pids.map(parentOf);
        assert.equal(one, two);
        assert.equal(new Set([one, ...others]).size, process.platform === 'linux' ? 2 : 4);
        const privileges = pids.map((pid) => /^NoNewPrivs:\s+(\d)/m.exec(statusOf(pid))?.[1]);
        assert.deepEqual(privileges, ['1', '1', '0', '1', '0']);
      });

      it('tells those who watch it of programs, and of no command', async () => {
        const [program, command] = [launchable('program', SLEEP), launchable('command', { temporary: true }, 'exit 3')];
        if (sealed) await seal(program, command);
        const { pid } = await spawn(program);
        await spawn(command);
        await knowsChildren(pid);
        // What the processes do when they begin is a change, too.
        await sleep(150);
        changes = 0;
        assert.deepEqual(await (await spawn(command)).exited, { status: 3 });
        await sleep(150);
        assert.equal(changes, 0);
        assert.equal(await spawner.signal(pid, 'SIGSTOP'), true);
        await eventually(() => assert.ok(changes > 0));
        assert.match(statusOf(pid), /^State:\s+T/m);
        await spawner.signal(pid, 'SIGCONT');
        await eventually(() => assert.doesNotMatch(statusOf(pid), /^State:\s+T/m));
      });

      it('sends signals to the whole group, and says whether there is one', async () => {
        const program = launchable('program', {}, 'sleep 1000 & sleep 1000');
        if (sealed) await seal(program);
        const { pid, exited } = await spawn(program);
        assert.equal(await spawner.signal(pid, 'SIGTERM'), true);
        assert.deepEqual(await exited, { signal: 'SIGTERM' });
        await eventually(async () => assert.equal(await spawner.signal(pid, 'SIGKILL'), false));
      });

      it('gives a start its nonce and addresses', async () => {
        const output = folder.in(String(Math.random()));
        const program = launchable(
          'program',
          { output, inherited: { A: 'a' } },
          'echo $A $JITSU_SPAWN $JITSU_ADDRESSES',
        );
        if (sealed) await seal(program);
        const details = { nonce: 'f'.repeat(32), addresses: ['192.0.2.1', 'fe80::1%eth0'] };
        await (
          await spawn(program, details)
        ).exited;
        assert.equal(readFileSync(`${output}.stdout`, 'utf8'), `a ${details.nonce} 192.0.2.1 fe80::1%eth0\n`);
      });
    });
  }

  it('keeps no process without a program, and none that nobody watches', async () => {
    spawner.allow(launchable('program', SLEEP));
    const program = await spawn(launchable('program', SLEEP));
    const command = await spawn(launchable('command', { ...SLEEP, temporary: true }));
    const first = parentOf(program.pid);
    watch[Symbol.dispose]();
    watch[Symbol.dispose]();
    await eventually(() => assert.equal(isAlive(first), false));
    await eventually(() => assert.deepEqual([isAlive(program.pid), isAlive(command.pid)], [true, false]));
    assert.deepEqual(await command.exited, {});
    const another = await spawn(launchable('command', { ...SLEEP, temporary: true }));
    assert.notEqual(parentOf(another.pid), first);
    void spawner.close();
    await eventually(() => assert.equal(isAlive(another.pid), false));
  });

  it('makes another process where one has ended', async () => {
    const first = parentOf((await spawn(launchable('program', SLEEP))).pid);
    process.kill(first, 'SIGKILL');
    await eventually(() => assert.equal(changes, 1));
    assert.notEqual(parentOf((await spawn(launchable('program', SLEEP))).pid), first);
    assert.deepEqual(logger.lines, []);
  });

  it('spawns what was not allowed where it is not sealed after all', async () => {
    spawner.expectSeal();
    spawner.allow(launchable('program', SLEEP));
    spawner.stayOpen();
    await spawn(launchable('other', SLEEP));
  });

  describe('once it is sealed', () => {
    const tooLate = { code: 'JITSU_BACKEND_DENIED', message: /^Jitsu has given up root.*Restart Jitsu\./ };

    it('starts nothing that was not allowed before, and allows nothing more', async () => {
      await seal(launchable('program', SLEEP));
      assert.throws(() => spawner.allow(launchable('late', SLEEP)), { ...tooLate, code: 'JITSU_ROOT_GIVEN_UP' });
      await assert.rejects(spawner.spawn(launchable('late', SLEEP)), tooLate);
      // There is not even a process for these.
      await assert.rejects(spawner.spawn(launchable('late', { ...SLEEP, temporary: true })), tooLate);
      await assert.rejects(spawner.spawn(launchable('late', { ...SLEEP, newPrivileges: true })), tooLate);
    });

    it('starts what was allowed, whatever is asked for by its name', async () => {
      const output = folder.in(String(Math.random()));
      await seal(launchable('program', { output }, 'echo allowed'));
      await (
        await spawn(launchable('program', { output }, 'echo another'))
      ).exited;
      assert.equal(readFileSync(`${output}.stdout`, 'utf8'), 'allowed\n');
    });

    it('starts without its output what cannot have it now', async () => {
      const output = folder.in('removed', 'web');
      await seal(launchable('program', { output }, `echo unheard; echo done > ${folder.in('done')}`));
      const { exited } = await spawn(launchable('program', {}));
      assert.deepEqual(await exited, { status: 0 });
      assert.equal(readFileSync(folder.in('done'), 'utf8'), 'done\n');
    });

    it('sends signals to nobody but those whom it has started or adopted', async () => {
      const stranger = await spawn(launchable('stranger', SLEEP));
      const adopted = await spawn(launchable('adopted', SLEEP));
      const other = await spawn(launchable('other', SLEEP));
      watch[Symbol.dispose]();
      spawner.expectSeal();
      spawner.adopt(adopted.pid, startTimeOf(adopted.pid));
      // Another process has got its number.
      spawner.adopt(other.pid, String(Number(startTimeOf(other.pid)) + 1));
      await spawner.seal(OWN);
      spawner.adopt(stranger.pid, startTimeOf(stranger.pid));
      for (const { pid } of [stranger, other]) assert.equal(await spawner.signal(pid, 'SIGKILL'), false);
      assert.equal(await spawner.signal(adopted.pid, 'SIGTERM'), true);
      await eventually(() => assert.equal(isAlive(adopted.pid), false));
      assert.deepEqual([isAlive(stranger.pid), isAlive(other.pid)], [true, true]);
    });

    it('starts at most four of a kind at a time', async () => {
      const program = launchable('program', {}, 'sleep 1000');
      await seal(program, launchable('other', SLEEP));
      for (let count = 0; count < 4; count += 1) await spawn(program);
      await assert.rejects(spawner.spawn(program), { code: 'JITSU_BACKEND_DENIED', message: /4 processes/ });
      await spawn(launchable('other', SLEEP));
      await spawner.signal(pids[0] ?? NaN, 'SIGKILL');
      await eventually(() => spawn(program));
    });

    it('keeps its processes though nobody watches them', async () => {
      const program = launchable('program', SLEEP);
      await seal(program);
      const parent = parentOf((await spawn(program)).pid);
      watch[Symbol.dispose]();
      spawner.watch(() => undefined);
      assert.equal(parentOf((await spawn(program)).pid), parent);
    });

    it('says that there is no other process where one has ended, in the log and to those who ask', async () => {
      const program = launchable('program', SLEEP);
      await seal(program);
      const { pid } = await spawn(program);
      process.kill(parentOf(pid), 'SIGKILL');
      await eventually(() => assert.ok(changes > 0));
      const message =
        'The process that starts programs as root has ended, and Jitsu has given up root: no program can be started or stopped. Restart Jitsu.';
      assert.deepEqual(logger.lines, [`error: ${message}`]);
      const lost = { code: 'JITSU_BACKEND_UNREACHABLE', message };
      await assert.rejects(spawner.spawn(program), lost);
      await assert.rejects(spawner.signal(pid, 'SIGKILL'), lost);
      await assert.rejects(spawner.renice(1, 0), lost);
      assert.equal(isAlive(pid), true);
    });

    it('says nothing when it is closed', async () => {
      const program = launchable('program', SLEEP);
      await seal(program);
      const parent = parentOf((await spawn(program)).pid);
      void spawner.close();
      await eventually(() => assert.equal(isAlive(parent), false));
      assert.deepEqual(logger.lines, []);
    });

    it('gives threads of this process a head start, and nobody else', async function () {
      requireRoot(this);
      const [thread = NaN, usual] = [ownThreadId(), getPriority()];
      spawner.expectSeal();
      await spawner.seal(OWN, true);
      await spawner.renice(thread, usual - 10);
      assert.equal(getPriority(thread), usual - 10);
      await assert.rejects(spawner.renice(thread, usual - 10 - 1), { code: 'JITSU_BACKEND_DENIED' });
      await spawner.renice(thread, usual);
      assert.equal(getPriority(thread), usual);
      await assert.rejects(spawner.renice(1, usual), { code: 'JITSU_BACKEND_DENIED' });
    });

    it('runs commands of Jitsu itself as the user that Jitsu has become', async function () {
      requireRoot(this);
      const user = { uid: 65_534, gid: 65_533 };
      const command = { temporary: true, account: 'jitsu' as const, env: { HOME: '/root', USER: 'root', A: 'a' } };
      const expected = '65534 65533 65533 a -';
      const script = `[ "$(id -u) $(id -g) $(id -G) $A $HOME-$USER" = "${expected}" ]`;
      spawner.expectSeal();
      spawner.allow(launchable('command', command, script));
      await spawner.seal(user);
      assert.deepEqual(await (await spawn(launchable('command', command, script))).exited, { status: 0 });
    });

    it('makes a folder of output again that somebody has removed with the runtime folder', async () => {
      const output = folder.in('run', 'own', 'output', 'x');
      const program = launchable('program', { output }, 'echo x');
      mkdirSync(folder.in('run'));
      spawner.expectSeal(OWN, folder.in('run'));
      spawner.allow(program);
      await spawner.restoreFolder(program);
      assert.ok(!existsSync(dirname(output)), 'who is not sealed makes it by himself');
      await spawner.seal(OWN);
      rmSync(folder.in('run'), { recursive: true });
      await spawner.restoreFolder(program);
      await (
        await spawn(program)
      ).exited;
      assert.equal(readFileSync(`${output}.stdout`, 'utf8'), 'x\n');
      await assert.rejects(spawner.restoreFolder(launchable('other', { output })), { code: 'JITSU_BACKEND_DENIED' });
    });

    it('has what it has started in its ledger, at the latest when it ends', async () => {
      mkdirSync(folder.in('run'));
      spawner.expectSeal(OWN, folder.in('run'));
      const programs = [launchable('one'), launchable('two'), launchable('over', {}, 'exit 0')];
      for (const each of programs) spawner.allow(each);
      await spawner.seal(OWN);
      const noted = (): readonly string[] => readdirSync(folder.in('run', 'spawned'));
      const [one, over] = [await spawn(launchable('one')), await spawn(launchable('over'))];
      await over.exited;
      await eventually(() => assert.deepEqual(noted(), [String(one.pid)]));
      const two = await spawn(launchable('two'));
      await spawner.close();
      await eventually(() => assert.deepEqual(new Set(noted()), new Set([String(one.pid), String(two.pid)])));
    });

    it('makes files of output itself, and lets root write to none that is not of its user', async function () {
      requireRoot(this);
      const output = folder.in('output');
      const program = launchable('program', { output }, 'echo x');
      spawner.expectSeal();
      spawner.allow(program);
      // This process has not become that user, so the files that it makes are root's.
      await spawner.seal({ uid: 65_534, gid: 65_533 });
      await assert.rejects(spawner.spawn(program), { code: 'EPERM', path: `${output}.stdout` });
      assert.equal(statSync(`${output}.stdout`).mode & 0o777, 0o600);
      await assert.rejects(spawner.spawn(program), { code: 'EEXIST', path: `${output}.stdout` });
    });
  });

  describe('with control groups, in folders that stand for them', () => {
    const control = () => ({ folder: folder.path, group: 'unikernel-x', handBack: true, memory: 2 ** 20 });
    const content = (...names: string[]): string => readFileSync(folder.in(...names), 'utf8');
    const group = (): string => content('unikernel-x', 'cgroup.procs');

    beforeEach(() => writeFileSync(folder.in('cgroup.subtree_control'), ''));

    for (const isSealed of [false, true]) {
      it(`has a program join its group, and ends what is left in it, ${isSealed ? 'sealed' : 'open'}`, async () => {
        if (isSealed) spawner.expectSeal();
        const confined = launchable('x', { ...SLEEP, control: control(), env: { 'a.b': 'c d' } });
        spawner.allow(confined);
        if (isSealed) await spawner.seal(OWN);
        const child = await spawn(confined);
        await eventually(() => assert.match(statusOf(child.pid), /^Name:\s+sleep$/m));
        // Before it is executed, it writes what stands for itself.
        assert.equal(group(), '0\n');
        assert.equal(content('unikernel-x', 'memory.max'), String(2 ** 20));
        assert.match(readFileSync(`/proc/${child.pid}/environ`, 'utf8'), /(^|\0)a\.b=c d(\0|$)/);

        writeFileSync(folder.in('unikernel-x', 'cgroup.procs'), `${child.pid}\n`);
        await spawner.release(confined);
        assert.equal((await child.exited).signal, 'SIGKILL');
      });
    }

    it('sets limits anew until it is sealed', async () => {
      const confined = launchable('x', { control: control() });
      await spawner.confine(confined);
      assert.equal(content('unikernel-x', 'memory.max'), String(2 ** 20));
      await spawner.confine(launchable('y'));
      await spawner.release(launchable('y'));
    });

    it('hands the controllers back before its end', async () => {
      await spawner.confine(launchable('x', { control: control() }));
      writeFileSync(folder.in('cgroup.subtree_control'), 'memory\n');
      await spawner.close();
      assert.equal(content('cgroup.subtree_control'), '-memory');
    });

    it('tells what is in the way of a group', async () => {
      const nowhere = launchable('x', { control: { ...control(), folder: folder.in('nowhere') } });
      await assert.rejects(spawner.spawn(nowhere), { code: 'ENOENT' });
      await assert.rejects(spawner.confine(nowhere), { code: 'ENOENT' });
    });

    it('removes no group once it is sealed that it was not told of', async () => {
      spawner.expectSeal();
      spawner.allow(launchable('x', { control: control() }));
      await spawner.seal(OWN);
      await assert.rejects(spawner.release(launchable('y', { control: control() })), { code: 'JITSU_BACKEND_DENIED' });
    });
  });
});
