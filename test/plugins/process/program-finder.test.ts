import { ManualClock } from '@jitsud/core/testing';
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProgramFinder } from '#process/program-finder.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('finding a program', () => {
  let folder: TemporaryFolder;
  let finder: ProgramFinder;

  beforeEach(() => {
    folder = new TemporaryFolder();
    finder = new ProgramFinder(new ManualClock());
    for (const name of ['one', 'two']) mkdirSync(folder.in(name));
    for (const file of ['one/a', 'two/a', 'two/b']) writeFileSync(folder.in(file), '', { mode: 0o755 });
    writeFileSync(folder.in('one/b'), '', { mode: 0o644 });
    mkdirSync(folder.in('one/c'));
  });

  afterEach(() => folder[Symbol.dispose]());

  it('takes a word with a slash for a path, from the folder of the unikernel', () => {
    assert.deepEqual(finder.find('./a', folder.in('one')), { path: folder.in('one/a') });
    assert.deepEqual(finder.find('two/b', folder.path, folder.in('one')), { path: folder.in('two/b') });
    assert.deepEqual(finder.find(folder.in('two/a'), '/'), { path: folder.in('two/a') });
  });

  it('goes through the unikernel’s own PATH, and takes the first that can be run', () => {
    const path = `${folder.in('one')}:${folder.in('two')}`;
    assert.deepEqual(finder.find('a', '/', path), { path: folder.in('one/a') });
    assert.deepEqual(finder.find('b', '/', path), { path: folder.in('two/b') });
    assert.deepEqual(finder.find('b', folder.path, 'two'), { path: folder.in('two/b') });
    assert.deepEqual(finder.find('x', '/', path), { isMissing: true, problem: `there is no program 'x' in ${path}` });
  });

  it('goes through Jitsu’s PATH, or that of the system', () => {
    const { PATH } = process.env;
    try {
      process.env.PATH = folder.in('two');
      assert.deepEqual(finder.find('b', '/'), { path: folder.in('two/b') });
      delete process.env.PATH;
      assert.deepEqual(finder.find('no-such-program', '/'), {
        isMissing: true,
        problem:
          "there is no program 'no-such-program' in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      });
    } finally {
      process.env.PATH = PATH;
    }
  });

  it('keeps what it has found by word, folder and PATH apart', () => {
    assert.ok('path' in finder.find('./a', folder.in('one')));
    assert.ok('problem' in finder.find('./a', folder.path));
    assert.ok('problem' in finder.find('b', '/', folder.in('one')));
    assert.ok('path' in finder.find('b', '/', folder.in('two')));
  });

  it('says why a file cannot be run', () => {
    const problemOf = (word: string): string => {
      const found = finder.find(word, folder.path);
      return 'problem' in found ? found.problem : '';
    };
    assert.equal(problemOf('one/b'), `'one/b' is not executable (${folder.in('one/b')})`);
    assert.equal(problemOf('one/c'), `'one/c' is not a file (${folder.in('one/c')})`);
    assert.equal(problemOf('one/x'), `there is no 'one/x' (${folder.in('one/x')})`);
  });

  it('knows folders', () => {
    assert.deepEqual(
      [folder.path, folder.in('one/a'), folder.in('none'), '.', 'one'].map((path) => finder.isFolder(path)),
      [true, false, false, false, false],
    );
    chmodSync(folder.in('one'), 0o755);
    assert.equal(finder.isFolder(join(folder.in('one'), 'c')), true);
  });
});
