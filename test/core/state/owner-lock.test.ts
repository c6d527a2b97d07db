import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs, { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { mock } from 'node:test';
import type { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { OwnerLock } from '#core/state/owner-lock.js';
import { identityOf, isAlive } from '#core/state/process-identity.js';
import { cannotRun } from '../../support/cannot-run.js';
import { fullDisk } from '../../support/full-disk.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('an owner lock', () => {
  let folder: TemporaryFolder;

  beforeEach(() => {
    folder = new TemporaryFolder();
  });

  afterEach(() => folder[Symbol.dispose]());

  /** Acquires a lock while another process writes its own file between our look at the folder and our taking the lock. */
  function acquiredAfter(other: object, file: string, lock: OwnerLock) {
    const link = mock.method(fs, 'linkSync', (from: string, to: string) => {
      link.mock.restore();
      syncBuiltinESMExports();
      writeFileSync(folder.in(file), JSON.stringify(other));
      fs.linkSync(from, to);
    });
    syncBuiltinESMExports();
    try {
      return lock.acquire();
    } finally {
      link.mock.restore();
      syncBuiltinESMExports();
    }
  }

  it('is nobody’s on a full disk, which is told, but for a living owner', () => {
    const [first, second] = [new OwnerLock(folder.in('store')), new OwnerLock(folder.in('store'))];
    const told: unknown[] = [];
    using _ = fullDisk();
    assert.equal(
      first.acquireUnlessFull((error) => told.push(error)),
      undefined,
    );
    assert.match(String(told[0]), /ENOSPC/);
    assert.deepEqual(readdirSync(folder.path), []);
    assert.throws(() => second.acquire(), { code: 'ENOSPC' });
  });

  it('has one owner at a time, and names it to the others', () => {
    const lock = new OwnerLock(folder.in('x'));
    assert.equal(lock.acquire(), undefined);
    assert.deepEqual(new OwnerLock(folder.in('x')).acquire(), identityOf(process.pid));
    lock.release();
    assert.equal(new OwnerLock(folder.in('x')).acquire(), undefined);
  });

  it('is taken over from an owner that was killed, that had our number, or whose machine has been booted since', () => {
    const own = identityOf(process.pid)!;
    const gone = [
      { ...own, pid: 2 ** 22 + 1 },
      { ...own, started: '1' },
      { ...own, boot: 'another' },
    ];
    gone.forEach((owner, index) => {
      writeFileSync(folder.in(`${index}.7.lock`), JSON.stringify(owner));
      assert.equal(new OwnerLock(folder.in(String(index))).acquire(), undefined, JSON.stringify(owner));
    });
  });

  it('follows no link and waits for no pipe that was put in the place of its file', () => {
    writeFileSync(folder.in('precious'), JSON.stringify(identityOf(process.pid)));
    const text = readFileSync(folder.in('precious'), 'utf8');
    symlinkSync('precious', folder.in('x.1.lock'));
    symlinkSync('precious', folder.in(`x.3.lock.${process.pid}`));
    spawnSync('mkfifo', [folder.in('x.2.lock')]);
    const lock = new OwnerLock(folder.in('x'));
    assert.equal(lock.acquire(), undefined);
    assert.deepEqual(readdirSync(folder.path).sort(), ['precious', 'x.3.lock']);
    assert.equal(readFileSync(folder.in('precious'), 'utf8'), text);
    lock.release();
  });

  it('is taken over where a crash of the machine has garbled it', () => {
    for (const text of ['', '{"pid":', 'null', '{"pid":"x"}']) {
      writeFileSync(folder.in('x.9.lock'), text);
      const lock = new OwnerLock(folder.in('x'));
      assert.equal(lock.acquire(), undefined, text);
      lock.release();
    }
  });

  it('leaves no file, however often it changes hands', () => {
    for (let round = 0; round < 5; round += 1) {
      const lock = new OwnerLock(folder.in('x'));
      lock.acquire();
      lock.release();
    }
    assert.deepEqual(readdirSync(folder.path), []);
  });

  it('is a file that nobody else can read or write', () => {
    new OwnerLock(folder.in('x')).acquire();
    assert.equal(statSync(folder.in('x.1.lock')).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder.path), ['x.1.lock'], 'no draft is left');
  });

  for (const [title, taken] of [
    ['has taken the same number meanwhile', 'x.1.lock'],
    ['has gone past our number meanwhile', 'x.2.lock'],
  ] as const) {
    it(`is left to another who ${title}`, () => {
      const other = identityOf(process.ppid)!;
      const lock = new OwnerLock(folder.in('x'));
      assert.deepEqual(acquiredAfter(other, taken, lock), other);
      assert.deepEqual(readdirSync(folder.path), [taken]);
      lock.release();
      assert.deepEqual(new OwnerLock(folder.in('x')).acquire(), other, 'it is not ours to release');
    });
  }

  it('is left to another who began anew meanwhile, after the lock that we took for a dead one was removed', () => {
    const other = identityOf(process.ppid)!;
    const dead = { ...other, started: '1' };
    writeFileSync(folder.in('x.1.lock'), JSON.stringify(dead));
    assert.deepEqual(acquiredAfter(other, 'x.1.lock', new OwnerLock(folder.in('x'))), other);
    assert.deepEqual(readdirSync(folder.path), ['x.1.lock']);
  });

  it('is removed by its owner alone', () => {
    const lock = new OwnerLock(folder.in('x'));
    lock.acquire();
    const other = identityOf(process.ppid)!;
    writeFileSync(folder.in('x.1.lock'), JSON.stringify(other));
    lock.release();
    assert.deepEqual(new OwnerLock(folder.in('x')).acquire(), other);
  });

  it('keeps apart what begins alike', () => {
    assert.equal(new OwnerLock(folder.in('x')).acquire(), undefined);
    assert.equal(new OwnerLock(folder.in('x.1')).acquire(), undefined);
    assert.equal(new OwnerLock(folder.in('y')).acquire(), undefined);
  });
});

describe('the identity of a process', () => {
  it('is that of one process alone', () => {
    const own = identityOf(process.pid)!;
    assert.equal(isAlive(own), true);
    assert.equal(isAlive({ ...own, started: `${own.started}0` }), false);
    assert.equal(identityOf(2 ** 22 + 1), undefined);
  });

  it('is none of a zombie, which owns nothing, though its number is taken', async function () {
    if (process.platform !== 'linux') cannotRun(this, 'zombies are recognised on Linux');
    // The shell becomes a program that never asks what has become of the shell's child.
    const parent = spawn('/bin/sh', ['-c', 'read _ <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    });
    const until = async (isSo: () => boolean): Promise<void> => {
      while (!isSo()) await setTimeout(5);
    };
    try {
      const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
      const pid = Number(line.toString());
      await until(() => readFileSync(`/proc/${parent.pid}/cmdline`, 'latin1').startsWith('sleep'));
      (parent.stdio[3] as Writable).end();
      await until(() => readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z '));
      const own = identityOf(process.pid)!;
      const started = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19] ?? '';
      assert.equal(process.kill(pid, 0), true);
      assert.equal(identityOf(pid), undefined);
      assert.equal(isAlive({ pid, started, boot: own.boot }), false);
      using folder = new TemporaryFolder();
      writeFileSync(folder.in('x.3.lock'), JSON.stringify({ pid, started, boot: own.boot }));
      assert.equal(new OwnerLock(folder.in('x')).acquire(), undefined);
    } finally {
      parent.kill('SIGKILL');
      await once(parent, 'exit');
    }
  });
});
