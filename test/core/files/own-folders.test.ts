import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, linkSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs';
import { handBack, handOver, makeOwnFolder } from '#core/files/own-folders.js';
import { UnsafePath } from '#core/files/safe-folder.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

/** Have no name on any machine. */
const FORMER = 4_000_001;
const NEXT = 4_000_002;

describe('a folder that Jitsu goes on writing to as another user', () => {
  let folder: TemporaryFolder;

  beforeEach(function () {
    requireRoot(this);
    folder = new TemporaryFolder();
  });

  afterEach(() => folder?.[Symbol.dispose]());

  const own = (...names: string[]) => folder.in('own', ...names);
  const ownerOf = (path: string) => lstatSync(path).uid;

  /** As a Jitsu of the former user has left it, with a file of output and what could lead elsewhere. */
  const leave = () => {
    mkdirSync(own('output'), { recursive: true });
    writeFileSync(folder.in('secret'), 'of root', { mode: 0o600 });
    for (const name of ['record', 'output/stdout']) writeFileSync(own(name), 'kept');
    linkSync(folder.in('secret'), own('output', 'linked'));
    symlinkSync(folder.in('secret'), own('link'));
    for (const path of [own(), own('record'), own('output'), own('output/stdout')]) chownSync(path, FORMER, FORMER);
    chmodSync(own('output'), 0o777);
  };

  it('is taken back from another user, without what leads elsewhere', () => {
    leave();
    makeOwnFolder(own(), ['output']);
    assert.deepEqual([own(), own('output')].map(ownerOf), [0, 0]);
    assert.equal(lstatSync(own('output')).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(own()).sort(), ['output', 'record']);
    assert.deepEqual(readdirSync(own('output')), ['stdout']);
    assert.equal(ownerOf(folder.in('secret')), 0);
  });

  it('is taken back without folders in the place of files, however deep, and of whatever name', () => {
    leave();
    mkdirSync(own('1.json', 'inner'), { recursive: true });
    mkdirSync(own('output', '1.stdout'));
    mkdirSync(Buffer.concat([Buffer.from(own('output/')), Buffer.from([0xff])]));
    writeFileSync(Buffer.concat([Buffer.from(own('/')), Buffer.from([0xff, 0xfe])]), '');
    // Longer than any path may be.
    const name = 'deep'.repeat(50);
    const script = `cd "$0"; for count in $(seq 30); do mkdir ${name}; cd -P ./${name}; done`;
    execFileSync('bash', ['-c', script, own()]);
    makeOwnFolder(own(), ['output']);
    assert.deepEqual(readdirSync(own()).sort(), ['output', 'record', '\ufffd\ufffd']);
    assert.deepEqual(readdirSync(own('output')), ['stdout']);
    handOver({ uid: NEXT, gid: NEXT });
    assert.equal(ownerOf(own()), NEXT);
  });

  it('is taken back with a folder again where a file was put in its place', () => {
    mkdirSync(own());
    chownSync(own(), FORMER, FORMER);
    writeFileSync(own('output'), '');
    makeOwnFolder(own(), ['output']);
    makeOwnFolder(own('output'));
    assert.ok(lstatSync(own('output')).isDirectory());
  });

  it('is handed over with all that is in it, but for what leads elsewhere', () => {
    makeOwnFolder(own());
    mkdirSync(own('output'));
    writeFileSync(own('output', 'stdout'), '');
    writeFileSync(folder.in('secret'), '');
    linkSync(folder.in('secret'), own('linked'));
    symlinkSync(folder.in('secret'), own('link'));
    handOver({ uid: NEXT, gid: NEXT });
    assert.deepEqual([own(), own('output'), own('output', 'stdout')].map(ownerOf), [NEXT, NEXT, NEXT]);
    assert.deepEqual([folder.in('secret'), own('link'), folder.path].map(ownerOf), [0, 0, 0]);
  });

  it('is handed over with the files of others, such as the output of programs, which they may go on writing to', () => {
    const program = 4_000_003;
    leave();
    writeFileSync(own('output', 'stderr'), '', { mode: 0o600 });
    chownSync(own('output', 'stderr'), program, program);
    makeOwnFolder(own(), ['output']);
    makeOwnFolder(own('output'));
    handOver({ uid: NEXT, gid: NEXT });
    const stats = lstatSync(own('output', 'stderr'));
    assert.deepEqual([stats.uid, stats.gid, stats.mode & 0o777], [NEXT, program, 0o660]);
    assert.deepEqual([own('record'), own('output/stdout')].map(ownerOf), [NEXT, NEXT]);
    handBack();
    const { uid, gid } = lstatSync(own('output', 'stderr'));
    assert.deepEqual([uid, gid, ownerOf(own('output'))], [FORMER, program, FORMER]);
  });

  it('is handed back to the user from whom it was taken', () => {
    leave();
    makeOwnFolder(own(), ['output']);
    makeOwnFolder(own('output'));
    handBack();
    assert.deepEqual([own(), own('record'), own('output'), own('output/stdout')].map(ownerOf), Array(4).fill(FORMER));
  });

  it('is not taken back below a folder of another user, who could put anything in its place', () => {
    leave();
    chownSync(folder.path, FORMER, FORMER);
    assert.throws(() => makeOwnFolder(own()), UnsafePath);
    assert.equal(ownerOf(own()), FORMER);
  });
});
