import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findUnsafe, trustedUsers } from '#core/files/find-unsafe.js';
import { requireRoot, requireTool } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const NOBODY = 65_534;
/** Has no name on any machine. */
const STRANGER = 4_000_001;

describe('what makes a path unsafe', () => {
  let folder: TemporaryFolder;

  beforeEach(() => {
    folder = new TemporaryFolder();
    mkdirSync(folder.in('a', 'b'), { recursive: true, mode: 0o755 });
    writeFileSync(folder.in('a', 'b', 'file'), '', { mode: 0o644 });
  });

  afterEach(() => folder[Symbol.dispose]());

  const file = () => folder.in('a', 'b', 'file');
  const unsafe = (path: string, place: string, problem: RegExp, trusted?: ReadonlySet<number>) => {
    const found = findUnsafe(path, trusted);
    assert.equal(found?.path, place);
    assert.match(found.problem, problem);
  };

  it('is nothing where all belongs to this user, also below a folder such as /tmp', () => {
    assert.equal(findUnsafe(file()), undefined);
    assert.equal(findUnsafe('/'), undefined);
    assert.equal(findUnsafe(folder.in('a', '..', 'a', 'b', 'file')), undefined);
  });

  it('is what others may write: itself, or a folder above it', () => {
    for (const place of [folder.in('a'), folder.in('a', 'b'), file()]) {
      chmodSync(place, 0o757);
      unsafe(file(), place, /^may be written by others/);
      chmodSync(place, 0o755);
    }
    assert.equal(findUnsafe(file()), undefined);
  });

  it('is a sticky folder only where things are to be put right into it', () => {
    chmodSync(folder.in('a', 'b'), 0o1777);
    assert.equal(findUnsafe(file()), undefined);
    assert.equal(findUnsafe(folder.in('a', 'b', 'missing')), undefined);
    unsafe(folder.in('a', 'b'), folder.in('a', 'b'), /others \(a folder of your own in it is safe\)/);
    symlinkSync('..', folder.in('a', 'b', 'back'));
    chmodSync(folder.in('a'), 0o1777);
    unsafe(folder.in('a', 'b', 'back'), folder.in('a'), /others/);
  });

  it('is what belongs to somebody else: itself, a folder above it, or a sticky folder', function () {
    requireRoot(this);
    for (const place of [folder.in('a'), folder.in('a', 'b'), file()]) {
      chownSync(place, STRANGER, 0);
      unsafe(file(), place, /^belongs to the user with the number 4000001, and Jitsu runs as 0/);
      assert.equal(findUnsafe(file(), new Set([0, STRANGER])), undefined);
      chmodSync(place, 0o1755);
      unsafe(file(), place, /^belongs/);
      chownSync(place, 0, 0);
    }
    chownSync(file(), NOBODY, 0);
    unsafe(file(), file(), /^belongs to the user with the number 65534/);
  });

  it('is what a group may write with members who are not trusted, or not known', function () {
    requireRoot(this);
    chmodSync(file(), 0o664);
    assert.equal(findUnsafe(file()), undefined);
    chownSync(file(), 0, STRANGER);
    unsafe(file(), file(), /^may be written by the group with the number 4000001 \(chmod g-w makes it safe\)/);
    chmodSync(file(), 0o644);
    assert.equal(findUnsafe(file()), undefined);
  });

  it('is not what only the own group of its owner may write, nor one without members', function () {
    requireRoot(this);
    const [, , uid, gid] = (/^daemon:.*$/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[0] ?? '').split(':').map(Number);
    const staff = Number(/^staff:[^:]*:(\d+):$/m.exec(readFileSync('/etc/group', 'utf8'))?.[1]);
    chmodSync(file(), 0o664);
    chownSync(file(), uid ?? NaN, gid ?? NaN);
    assert.equal(findUnsafe(file(), new Set([0, uid ?? NaN])), undefined);
    chownSync(file(), 0, gid ?? NaN);
    unsafe(file(), file(), /^may be written by the group/);
    chownSync(file(), 0, staff);
    assert.equal(findUnsafe(file()), undefined);
  });

  it('is found behind links, relative ones and those to folders', () => {
    mkdirSync(folder.in('open'));
    chmodSync(folder.in('open'), 0o777);
    writeFileSync(folder.in('open', 'file'), '', { mode: 0o644 });
    symlinkSync('../../open', folder.in('a', 'b', 'link'));
    unsafe(folder.in('a', 'b', 'link', 'file'), folder.in('open'), /others/);
    symlinkSync(folder.in('a', 'b', 'link', 'file'), folder.in('far'));
    unsafe(folder.in('far'), folder.in('open'), /others/);
    symlinkSync('b/../b/file', folder.in('a', 'near'));
    assert.equal(findUnsafe(folder.in('a', 'near')), undefined);
    symlinkSync('loop', folder.in('loop'));
    unsafe(folder.in('loop'), folder.in('loop'), /too many/);
    symlinkSync('nowhere', folder.in('dangling'));
    assert.equal(findUnsafe(folder.in('dangling')), undefined);
  });

  it('is a link of somebody else', function () {
    requireRoot(this);
    symlinkSync(file(), folder.in('link'));
    lchownSync(folder.in('link'), STRANGER, 0);
    unsafe(folder.in('link'), folder.in('link'), /^belongs/);
  });

  it('is not what belongs to users outside of a user namespace', function () {
    requireRoot(this);
    requireTool(this, 'unshare');
    chmodSync(folder.path, 0o755);
    writeFileSync(folder.in('package.json'), '{"type":"module"}', { mode: 0o644 });
    for (const name of ['find-unsafe.js', 'accounts.js', 'user-namespace.js']) {
      copyFileSync(fileURLToPath(import.meta.resolve(`#core/files/${name}`)), folder.in(name));
    }
    const script = `import(${JSON.stringify(folder.in('find-unsafe.js'))}).then((it) => console.log(it.findUnsafe('/')))`;
    // The root of the machine has no number in this one, so that its files are those of `nobody`.
    const words = ['--map-root-user', realpathSync(process.execPath), '-e', script];
    const run = spawnSync('unshare', words, { uid: 1_000, gid: 1_000, cwd: '/', encoding: 'utf8' });
    assert.equal(run.stdout, 'undefined\n', run.stderr);
  });
});

describe('the users whose files are trusted', () => {
  it('are root, this one, and for root the one behind sudo', () => {
    const own = process.getuid?.() ?? 0;
    const plain = trustedUsers({});
    assert.ok(plain.has(0) && plain.has(own));
    assert.equal(trustedUsers({ SUDO_UID: String(STRANGER) }).has(STRANGER), own === 0);
    assert.deepEqual(trustedUsers({ SUDO_UID: '' }), plain);
    assert.deepEqual(trustedUsers({ SUDO_UID: '1e3' }), plain);
  });
});
