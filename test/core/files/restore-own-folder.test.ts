import assert from 'node:assert/strict';
import { chownSync, existsSync, lstatSync, mkdirSync, symlinkSync } from 'node:fs';
import { restoreOwnFolder } from '#core/files/restore-own-folder.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

/** Has no name on any machine. */
const OWNER = { uid: 4_000_001, gid: 4_000_001 };

describe('a folder of a Jitsu that has given up root, which somebody has removed', () => {
  let folder: TemporaryFolder;

  beforeEach(function () {
    requireRoot(this);
    folder = new TemporaryFolder();
  });

  afterEach(() => folder?.[Symbol.dispose]());

  const place = (...names: string[]) => folder.in('run', ...names);
  const restore = () => restoreOwnFolder(place(), place('process-process', 'output'), OWNER);
  const ownership = (...names: string[]) => {
    const { uid, mode } = lstatSync(place(...names));
    return [uid, (mode & 0o777).toString(8)];
  };

  it('is made again with the runtime folder, which is root’s', () => {
    restore();
    assert.deepEqual(ownership(), [0, '711']);
    assert.deepEqual(ownership('process-process'), [OWNER.uid, '700']);
    assert.deepEqual(ownership('process-process', 'output'), [OWNER.uid, '700']);
    restore();
  });

  it('is not made in what belongs to that Jitsu, which may have laid a link there', () => {
    mkdirSync(place('process-process'), { recursive: true });
    chownSync(place('process-process'), OWNER.uid, OWNER.gid);
    restore();
    assert.ok(!existsSync(place('process-process', 'output')));
    symlinkSync(folder.in('elsewhere'), place('other'));
    restoreOwnFolder(place(), place('other', 'output'), OWNER);
    assert.ok(!existsSync(folder.in('elsewhere')));
  });

  it('is not made in a runtime folder that somebody else has made meanwhile', () => {
    mkdirSync(place());
    chownSync(place(), OWNER.uid, OWNER.gid);
    assert.throws(restore, { name: 'Error', message: /belongs to|may/ });
    assert.ok(!existsSync(place('process-process')));
  });

  it('is not made where others could have made it', () => {
    chownSync(folder.path, OWNER.uid, OWNER.gid);
    assert.throws(restore, { name: 'Error', message: /belongs to|may/ });
    assert.ok(!existsSync(place()));
  });
});
