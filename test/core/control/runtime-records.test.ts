import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { mock } from 'node:test';
import { recordRunning, runningJitsus } from '#core/control/runtime-records.js';
import { identityOf } from '#core/state/process-identity.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const record = { socket: '/a/control.sock', listening: [{ address: '127.0.0.1', port: 53 }], configFile: '/a/b.yaml' };

describe('the record of a running Jitsu', () => {
  const folders = new TemporaryFolder();
  let folder: string;
  let count = 0;
  beforeEach(() => (folder = folders.in(`run-${count++}`)));
  after(() => folders[Symbol.dispose]());

  it('is found as long as it is not disposed', () => {
    const own = recordRunning(record, folder);
    assert.deepEqual(runningJitsus(folder), [{ pid: process.pid, ...record }]);
    own[Symbol.dispose]();
    assert.deepEqual(runningJitsus(folder), []);
    assert.deepEqual(readdirSync(join(folder, 'running')), []);
  });

  it('is of no interest to a user who is not its owner, unless that is root', () => {
    using _own = recordRunning(record, folder);
    const owner = statSync(folder).uid;
    const found = [owner, 0, owner + 1].map((uid) => {
      const getuid = mock.method(process as { getuid(): number }, 'getuid', () => uid);
      try {
        return runningJitsus(folder).length;
      } finally {
        getuid.mock.restore();
      }
    });
    assert.deepEqual(found, [1, 1, 0]);
  });

  it('is for its owner alone', () => {
    using _own = recordRunning(record, folder);
    assert.equal(statSync(join(folder, 'running')).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, 'running', `${process.pid}.json`)).mode & 0o777, 0o600);
  });

  it('is for its owner alone from its first moment on, also where a draft was left behind', () => {
    const running = join(folder, 'running');
    mkdirSync(running, { recursive: true, mode: 0o700 });
    const draft = join(running, `${process.pid}.json.new`);
    writeFileSync(draft, '');
    chmodSync(draft, 0o644);
    const before = process.umask(0);
    const modes: number[] = [];
    const write = mock.method(fs, 'writeFileSync', (...given: Parameters<typeof writeFileSync>) => {
      const [file, text, options] = given;
      // An empty write first: the mode is looked at before the record is there.
      for (const part of ['', text]) {
        write.mock.restore();
        fs.writeFileSync(file, part, options);
        modes.push(statSync(draft).mode & 0o777);
      }
      syncBuiltinESMExports();
    });
    syncBuiltinESMExports();
    try {
      using _own = recordRunning(record, folder);
      assert.equal(statSync(join(running, `${process.pid}.json`)).mode & 0o777, 0o600);
    } finally {
      process.umask(before);
      write.mock.restore();
      syncBuiltinESMExports();
    }
    assert.deepEqual(modes, [0o600, 0o600]);
  });

  it('is ignored when its process has ended, also where another has the number by now, and removed by the next', () => {
    const own = recordRunning(record, folder);
    const text = readFileSync(join(folder, 'running', `${process.pid}.json`), 'utf8');
    own[Symbol.dispose]();
    const ended = spawnSync('true').pid;
    // The third is more than any process number.
    const files = ['1.json', `${ended}.json`, '4194305.json'].map((name) => join(folder, 'running', name));
    writeFileSync(files[0] ?? '', text.replaceAll(`"pid":${process.pid}`, '"pid":1'));
    writeFileSync(files[1] ?? '', text.replaceAll(`"pid":${process.pid}`, `"pid":${ended}`));
    writeFileSync(files[2] ?? '', text.slice(0, 40));
    assert.deepEqual(runningJitsus(folder), []);
    using _own = recordRunning(record, folder);
    assert.deepEqual(files.filter(existsSync), []);
    assert.equal(runningJitsus(folder).length, 1);
  });

  it('is one only with each field of its kind, and has no other', () => {
    using _own = recordRunning(record, folder);
    const { pid } = process;
    const file = join(folder, 'running', `${pid}.json`);
    const stored = { pid, ...record, process: identityOf(pid) };
    writeFileSync(file, JSON.stringify({ ...stored, later: 1 }));
    assert.deepEqual(runningJitsus(folder), [{ pid, ...record }]);
    for (const wrong of [
      ...[{ pid: pid + 1 }, { pid: '1' }, { socket: 1 }, { socket: '' }, { socket: 'a\0b' }, { configFile: null }],
      ...[{ configFile: {} }, { listening: undefined }, { listening: 'x' }, { listening: [null] }, { listening: [{}] }],
      ...[{ listening: [{ address: 'localhost', port: 1 }] }, { listening: [{ address: '::1', port: 65_536 }] }],
      ...[{ process: undefined }, { process: { ...identityOf(pid), pid: 2 ** 32 + pid } }],
    ]) {
      writeFileSync(file, JSON.stringify({ ...stored, ...wrong }));
      assert.deepEqual(runningJitsus(folder), [], JSON.stringify(wrong));
    }
  });

  it('is told in the order of process numbers', () => {
    using _own = recordRunning(record, folder);
    const { pid } = process;
    const parent = process.ppid;
    const stored = { pid: parent, ...record, process: identityOf(parent) };
    writeFileSync(join(folder, 'running', `${parent}.json`), JSON.stringify(stored));
    assert.deepEqual(
      runningJitsus(folder).map((each) => each.pid),
      [pid, parent].sort((one, other) => one - other),
    );
  });

  it('is believed by root, whose folder ever it is in', function () {
    requireRoot(this);
    using _own = recordRunning(record, folder);
    for (const path of [folder, join(folder, 'running')]) chownSync(path, 65_534, 65_534);
    assert.equal(runningJitsus(folder).length, 1);
    for (const path of [folder, join(folder, 'running')]) chownSync(path, 0, 0);
  });

  it('is not believed where others could have written it', () => {
    using _own = recordRunning(record, folder);
    chmodSync(folder, 0o777);
    assert.deepEqual(runningJitsus(folder), []);
    assert.throws(() => recordRunning(record, folder), { code: 'JITSU_CONTROL_FAILED' });
    chmodSync(folder, 0o700);
  });

  it('is not believed where a link leads to it, nor where others could have replaced its folder', () => {
    const [running, elsewhere] = [join(folder, 'running'), folders.in('elsewhere.json')];
    {
      using _own = recordRunning(record, folder);
      writeFileSync(elsewhere, readFileSync(join(running, `${process.pid}.json`)));
    }
    symlinkSync(elsewhere, join(running, `${process.pid}.json`));
    assert.deepEqual(runningJitsus(folder), []);
    using _own = recordRunning(record, folder);
    assert.equal(runningJitsus(folder).length, 1);
    chmodSync(folders.path, 0o777);
    assert.deepEqual(runningJitsus(folder), []);
    chmodSync(folders.path, 0o700);
  });

  it('leaves alone what is no record, and the draft that a living process is about to complete', () => {
    const running = join(folder, 'running');
    const { pid } = spawnSync('true');
    recordRunning(record, folder)[Symbol.dispose]();
    mkdirSync(join(running, '4194305.json'));
    mkdirSync(join(running, 'stray'));
    for (const name of ['notes.txt', `${process.ppid}.json.new`, `${pid}.json.new`])
      writeFileSync(join(running, name), '');
    using _own = recordRunning(record, folder);
    const expected = ['4194305.json', 'notes.txt', 'stray', `${process.pid}.json`, `${process.ppid}.json.new`];
    assert.deepEqual(readdirSync(running).sort(), expected.sort());
    assert.equal(runningJitsus(folder).length, 1);
  });

  it('is looked for in vain where the folder cannot be looked at', () => {
    // As in a folder that another user keeps shut, and also for root, whom nothing keeps out.
    const file = join(folders.path, 'a-file');
    writeFileSync(file, '');
    for (const place of [join(file, 'jitsu'), join(folders.path, 'x'.repeat(300))]) {
      assert.deepEqual(runningJitsus(place), []);
    }
  });

  it('is looked for in vain where nothing ever ran', () => {
    assert.deepEqual(runningJitsus(join(folder, 'none')), []);
  });
});
