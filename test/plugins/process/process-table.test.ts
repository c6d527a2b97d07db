import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs, { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syncBuiltinESMExports } from 'node:module';
import { eventually } from '#core/testing/eventually.js';
import { LinuxProcessTable, parseStat } from '#process/linux-process-table.js';
import { PortableProcessTable } from '#process/portable-process-table.js';
import type { ProcessTable } from '#process/process-table.js';
import { InheritableFile } from '../../support/inheritable-file.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const tables: Record<string, () => ProcessTable> = {
  'the process table of /proc': () => new LinuxProcessTable(),
  'the process table of ps': () => new PortableProcessTable(),
};

for (const [name, make] of Object.entries(tables)) {
  describe(name, () => {
    const table = make();
    let child: ChildProcess;
    let pid: number;

    beforeEach(async () => {
      child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
      await once(child, 'spawn');
      pid = child.pid ?? NaN;
    });

    afterEach(() => child.kill('SIGKILL'));

    it('tells a process, its group and session', () => {
      const { group, session, state } = table.look(pid) ?? {};
      assert.deepEqual([group, session, state], [pid, pid, 'alive']);
    });

    it('tells the same start time each time', () => {
      const { startTime = '' } = table.look(pid) ?? {};
      assert.equal(table.look(pid)?.startTime, startTime);
      // That of ps is a date in whole seconds, which the first process of a container may share.
      if (table instanceof PortableProcessTable)
        assert.ok(Math.abs(Date.parse(`${startTime} UTC`) - Date.now()) < 5_000);
      else assert.notEqual(startTime, table.look(1)?.startTime);
    });

    it('tells that a process is stopped', async () => {
      child.kill('SIGSTOP');
      await eventually(() => assert.equal(table.look(pid)?.state, 'stopped'));
    });

    it('tells nothing of a process that is gone', async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.equal(table.look(pid), undefined);
    });

    it('finds it among all', () => {
      assert.deepEqual(
        table.all().find((entry) => entry.pid === pid),
        table.look(pid),
      );
    });
  });
}

describe('the process table of /proc', () => {
  const table = new LinuxProcessTable();

  it('has the boot, and the environments that it may read', () => {
    assert.equal(table.bootId, readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
    assert.match(table.bootId, /^[0-9a-f-]{36}$/);
    const environment = table.environment(process.pid);
    assert.deepEqual(environment, readFileSync('/proc/self/environ', 'utf8').split('\0'));
    assert.equal(table.environment(2 ** 30), undefined);
  });

  it('has the environment of a process also while it becomes another program', async () => {
    using folder = new TemporaryFolder();
    const script = join(folder.path, 'again');
    writeFileSync(script, '#!/bin/sh\nexec "$0"\n', { mode: 0o755 });
    const child = spawn(script, { stdio: 'ignore', env: { MARK: 'one' } });
    try {
      await once(child, 'spawn');
      const table = new LinuxProcessTable();
      for (let look = 0; look < 2_000; look += 1) {
        assert.ok(table.environment(child.pid ?? NaN)?.includes('MARK=one'), `not at look ${look}`);
      }
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('fails for any reason but that a process is gone or belongs to somebody else', () => {
    const { readFileSync: read, openSync: open } = fs;
    const failing = (code: string) => (): never => {
      throw Object.assign(new Error(code), { code });
    };
    try {
      for (const code of ['ENOENT', 'ESRCH', 'EACCES', 'EPERM']) {
        Object.assign(fs, { readFileSync: failing(code), openSync: failing(code) });
        syncBuiltinESMExports();
        assert.deepEqual([table.environment(1), table.look(1)], [undefined, undefined], code);
      }
      Object.assign(fs, { readFileSync: failing('EMFILE'), openSync: failing('EMFILE') });
      syncBuiltinESMExports();
      assert.throws(() => table.environment(1), { code: 'EMFILE' });
      assert.throws(() => table.look(1), { code: 'EMFILE' });
    } finally {
      Object.assign(fs, { readFileSync: read, openSync: open });
      syncBuiltinESMExports();
    }
  });

  it('holds no file open', () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let time = 0; time < 10; time += 1) table.look(process.pid);
    assert.ok(open() < before + 10);
  });

  it('has processes alone', () => {
    const pids = table.all().map(({ pid }) => pid);
    assert.ok(pids.includes(process.pid));
    assert.ok(pids.every((pid) => pid > 0));
  });
});

describe('the process table of ps', () => {
  let folder: TemporaryFolder;
  const { PATH, LC_ALL, TZ } = process.env;

  /** A table whose ps prints these lines, and writes down how it was called. */
  function tableOf(...lines: string[]): PortableProcessTable {
    writeFileSync(folder.in('lines'), lines.join('\n'));
    const script = `#!/bin/sh\necho "$LC_ALL $TZ $GREETING $*" > ${folder.in('called')}\nls /proc/self/fd > ${folder.in('files')}\ncat ${folder.in('lines')}\n`;
    writeFileSync(folder.in('ps'), script, { mode: 0o755 });
    process.env.PATH = `${folder.path}:${PATH}`;
    Object.assign(process.env, { LC_ALL: 'de_DE.UTF-8', TZ: 'Europe/Berlin', GREETING: 'hello' });
    return new PortableProcessTable();
  }
  const called = (): string => readFileSync(folder.in('called'), 'utf8').trim();

  beforeEach(() => {
    folder = new TemporaryFolder();
  });

  afterEach(() => {
    Object.assign(process.env, { PATH, LC_ALL, TZ });
    for (const [name, value] of Object.entries({ LC_ALL, TZ, GREETING: undefined })) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
    }
    folder[Symbol.dispose]();
  });

  it('reads numbers, letters and the date', () => {
    const date = 'Sun Nov 29 23:03:55 2026';
    const table = tableOf(
      ` 42 41 Ss ${date} `,
      `7 7 T+ ${date}`,
      `8 7 Zs ${date}`,
      `9 7 R+ ${date}`,
      'garbage',
      `10 S ${date}`,
      '11 12 S',
      '',
    );
    assert.deepEqual(table.all(), [
      { pid: 42, group: 41, session: 42, startTime: date, state: 'alive' },
      { pid: 7, group: 7, session: 0, startTime: date, state: 'stopped' },
      { pid: 8, group: 7, session: 8, startTime: date, state: 'dead' },
      { pid: 9, group: 7, session: 0, startTime: date, state: 'alive' },
    ]);
    assert.equal(called(), 'C UTC  -axo pid=,pgid=,stat=,lstart=');
  });

  it('looks at one alone, and knows neither boots nor environments', () => {
    const table = tableOf('42 41 S Sun Nov 29 23:03:55 2026');
    assert.equal(table.look(42)?.group, 41);
    assert.equal(called(), 'C UTC  -o pid=,pgid=,stat=,lstart= -p 42');
    assert.deepEqual([table.bootId, table.environment()], ['any', undefined]);
  });

  it('asks a program that gets no file of a library', async () => {
    const table = tableOf('42 41 S Sun Nov 29 23:03:55 2026');
    const file = new InheritableFile(folder.in('store'));
    try {
      assert.equal(table.look(42)?.group, 41);
      process.env.PATH = folder.in('empty');
      assert.throws(() => table.all(), /no program ps/);
    } finally {
      file[Symbol.dispose]();
    }
    assert.equal(readFileSync(folder.in('files'), 'utf8'), '0\n1\n2\n3\n');
  });

  it('fails where there is no ps', () => {
    const table = tableOf();
    process.env.PATH = '/nowhere';
    assert.throws(() => table.all(), { code: 'ENOENT' });
  });
});

describe('a line of /proc/PID/stat', () => {
  const rest = (state: string, threads: number) =>
    `${state} 1 41 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 ${threads} 0 987654 1 2`;

  it('is read behind a name with blanks and parentheses', () => {
    const entry = parseStat(`43 (a) R 1 (b) ${rest('S', 1)}`);
    assert.deepEqual(entry, { pid: 43, group: 41, session: 42, startTime: '987654', state: 'alive' });
  });

  it('tells a zombie from a program whose first thread has ended', () => {
    assert.equal(parseStat(`43 (a) ${rest('Z', 1)}`).state, 'dead');
    assert.equal(parseStat(`43 (a) ${rest('Z', 3)}`).state, 'alive');
    assert.equal(parseStat(`43 (a) ${rest('Z', 2)}`).state, 'alive');
    assert.equal(parseStat(`43 (a) ${rest('Z', 0)}`).state, 'dead');
    assert.equal(parseStat(`43 (a) ${rest('X', 3)}`).state, 'dead');
    assert.equal(parseStat(`43 (a) ${rest('T', 1)}`).state, 'stopped');
    assert.equal(parseStat('43 (a) R 1 41 42').startTime, '');
  });
});
