import assert from 'node:assert/strict';
import {
  chownSync,
  closeSync,
  fstatSync,
  linkSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { openOutput } from '#core/plugin-kit/open-output.js';
import { requireRoot } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

/** Have no name on any machine. */
const PROGRAM = { uid: 4_000_001, gid: 4_000_001 };
const JITSU = { uid: 4_000_002, gid: 4_000_002 };

describe('a file for the output of a program', () => {
  let folder: TemporaryFolder;
  let path: string;
  let opened: number[];

  beforeEach(() => {
    folder = new TemporaryFolder();
    path = folder.in('output');
    opened = [];
  });

  afterEach(() => {
    for (const file of opened) closeSync(file);
    folder[Symbol.dispose]();
  });

  const open = (...[account, user]: [typeof PROGRAM | undefined, typeof JITSU?]): number => {
    const file = openOutput(path, { account }, user);
    opened.push(file);
    return file;
  };
  const ownership = (file: number) => {
    const { uid, gid, mode } = fstatSync(file);
    return [uid, gid, (mode & 0o777).toString(8)];
  };

  it('is made, and appended to', () => {
    const file = open(undefined);
    writeSync(file, 'one\n');
    writeFileSync(path, '');
    writeSync(file, 'two\n');
    assert.equal(readFileSync(path, 'utf8'), 'two\n');
    assert.deepEqual(ownership(file).slice(2), ['600']);
    assert.throws(() => open(undefined), { code: 'EEXIST' });
  });

  it('is not made where a link leads to', () => {
    symlinkSync(folder.in('elsewhere'), path);
    assert.throws(() => open(undefined), { code: 'EEXIST' });
  });

  it('belongs to the user of the program, or to a Jitsu that is no root any more and the group of the program', function () {
    requireRoot(this);
    assert.deepEqual(ownership(open(PROGRAM)), [PROGRAM.uid, PROGRAM.gid, '600']);
    path = folder.in('of-jitsu');
    writeFileSync(path, '', { mode: 0o600 });
    chownSync(path, JITSU.uid, JITSU.gid);
    assert.deepEqual(ownership(open(undefined, JITSU)), [JITSU.uid, JITSU.gid, '600']);
    assert.deepEqual(ownership(open(PROGRAM, JITSU)), [JITSU.uid, PROGRAM.gid, '660']);
  });

  it('is given to nobody where that Jitsu has not made it, or it has another name', function () {
    requireRoot(this);
    const refused = { code: 'EPERM', path };
    writeFileSync(path, '', { mode: 0o600 });
    assert.throws(() => open(PROGRAM, JITSU), refused);
    chownSync(path, JITSU.uid, JITSU.gid);
    linkSync(path, folder.in('second'));
    assert.throws(() => open(PROGRAM, JITSU), refused);
    assert.equal(statSync(path).uid, JITSU.uid);
  });
});
