import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { mock } from 'node:test';
import { defaultControlSocket, defaultRuntimeDirectory, ensureRuntimeDirectory } from '#core/control/control-paths.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('the runtime folder', () => {
  let folder: TemporaryFolder;

  beforeEach(() => {
    folder = new TemporaryFolder();
  });

  afterEach(() => folder[Symbol.dispose]());

  it('is the one that systemd has made, the first of several', () => {
    assert.equal(defaultRuntimeDirectory({ RUNTIME_DIRECTORY: '/run/a:/run/b' }), '/run/a');
  });

  it('is root’s, the session’s, or one of the user’s own', function () {
    const session = { XDG_RUNTIME_DIR: '/run/user/1000' };
    if (process.getuid?.() === 0) assert.match(defaultRuntimeDirectory(session), /^(\/var)?\/run\/jitsu$/);
    else {
      assert.equal(defaultRuntimeDirectory(session), '/run/user/1000/jitsu');
      assert.equal(defaultRuntimeDirectory({}), `${tmpdir()}/jitsu-${process.getuid?.()}`);
    }
    assert.equal(defaultControlSocket('/run/jitsu'), '/run/jitsu/control.sock');
  });

  it('says so where it cannot be made nor looked at', () => {
    const message = /cannot be made: ENAMETOOLONG/;
    assert.throws(() => ensureRuntimeDirectory(folder.in('x'.repeat(300))), { code: 'JITSU_CONTROL_FAILED', message });
  });

  it('is made for its owner alone, and taken as it is the next time', () => {
    ensureRuntimeDirectory(folder.in('a', 'b'));
    ensureRuntimeDirectory(folder.in('a', 'b'));
    assert.equal(statSync(folder.in('a', 'b')).mode & 0o777, 0o700);
  });

  it('is refused below a folder where others could replace it, and is not made there', () => {
    mkdirSync(folder.in('open'));
    chmodSync(folder.in('open'), 0o777);
    const message = /^The runtime folder \S+\/open\/jitsu is not safe, since \S+\/open may be written by others/;
    const path = folder.in('open', 'jitsu');
    assert.throws(() => ensureRuntimeDirectory(path), { code: 'JITSU_CONTROL_FAILED', message });
    assert.equal(existsSync(path), false);
    mkdirSync(path);
    assert.throws(() => ensureRuntimeDirectory(path), { code: 'JITSU_CONTROL_FAILED', message });
    chmodSync(folder.in('open'), 0o1777);
    ensureRuntimeDirectory(path);
  });

  it('is refused where it is that of root, and Jitsu runs as somebody else', () => {
    const owner = process.getuid?.() ?? 0;
    ensureRuntimeDirectory(folder.in('run'));
    const getuid = mock.method(process as { getuid(): number }, 'getuid', () => owner + 1);
    try {
      const message = new RegExp(`belongs to the user with the number ${owner}, and Jitsu runs as ${owner + 1}`);
      assert.throws(() => ensureRuntimeDirectory(folder.in('run')), { code: 'JITSU_CONTROL_FAILED', message });
    } finally {
      getuid.mock.restore();
    }
  });

  it('is refused where others have a hand in it', function () {
    const refused = (name: string, words: RegExp) =>
      assert.throws(() => ensureRuntimeDirectory(folder.in(name)), { code: 'JITSU_CONTROL_FAILED', message: words });
    mkdirSync(folder.in('real'));
    symlinkSync(folder.in('real'), folder.in('link'));
    refused('link', /is a symbolic link/);
    symlinkSync(folder.in('nowhere'), folder.in('dangling'));
    refused('dangling', /is a symbolic link/);
    writeFileSync(folder.in('file'), '');
    refused('file', /is not a folder/);
    mkdirSync(folder.in('open'));
    chmodSync(folder.in('open'), 0o777);
    refused('open', /may be written by others/);
    if (process.getuid?.() === 0) {
      mkdirSync(folder.in('theirs'));
      chownSync(folder.in('theirs'), 65_534, 65_534);
      refused('theirs', /belongs to the user with the number 65534, and Jitsu runs as 0/);
    }
  });
});
