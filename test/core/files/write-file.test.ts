import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { replaceFile, writeNewFile } from '#core/files/write-file.js';
import { fullDisk } from '../../support/full-disk.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

for (const [name, write] of [
  ['a file that is written anew', writeNewFile],
  ['a file that is replaced', replaceFile],
] as const) {
  describe(name, () => {
    let folder: TemporaryFolder;
    let umask: number;

    beforeEach(() => {
      folder = new TemporaryFolder();
      umask = process.umask(0);
    });

    afterEach(() => {
      process.umask(umask);
      folder[Symbol.dispose]();
    });

    it('is for its owner alone, and has the text', () => {
      write(folder.in('file'), 'text');
      assert.equal(statSync(folder.in('file')).mode & 0o777, 0o600);
      assert.deepEqual([readFileSync(folder.in('file'), 'utf8'), readdirSync(folder.path)], ['text', ['file']]);
    });

    it('has nothing of the one before, nor its mode', () => {
      writeFileSync(folder.in('file'), 'before and longer');
      chmodSync(folder.in('file'), 0o666);
      write(folder.in('file'), 'text');
      assert.equal(readFileSync(folder.in('file'), 'utf8'), 'text');
      assert.equal(statSync(folder.in('file')).mode & 0o777, 0o600);
    });

    it('takes the place of a link, whose target is neither written to nor made', () => {
      writeFileSync(folder.in('precious'), 'precious');
      for (const target of ['precious', 'missing']) {
        for (const place of ['file', 'file.new']) {
          rmSync(folder.in(place), { force: true });
          symlinkSync(target, folder.in(place));
          write(folder.in('file'), 'text');
          assert.equal(readFileSync(folder.in('file'), 'utf8'), 'text');
        }
      }
      assert.deepEqual(
        [readFileSync(folder.in('precious'), 'utf8'), existsSync(folder.in('missing'))],
        ['precious', false],
      );
    });

    it('is not there, not even empty, where the disk is full', () => {
      const full = fullDisk();
      assert.throws(() => write(folder.in('file'), 'text'), { code: 'ENOSPC', path: /file(\.new)?$/ });
      full[Symbol.dispose]();
      assert.deepEqual(readdirSync(folder.path), []);
    });

    it('is not made where a folder has its name', () => {
      mkdirSync(folder.in('file'));
      assert.throws(() => write(folder.in('file'), 'text'), { code: 'EISDIR' });
      assert.ok(statSync(folder.in('file')).isDirectory());
    });
  });
}
