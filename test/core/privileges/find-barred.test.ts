import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { findBarred } from '#core/privileges/find-barred.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('what bars a user from a file', () => {
  let folder: TemporaryFolder;
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const other = { uid: uid + 1, gid: gid + 1, groups: [] };

  beforeEach(() => {
    folder = new TemporaryFolder();
    chmodSync(folder.path, 0o755);
    mkdirSync(folder.in('a'), { mode: 0o755 });
    writeFileSync(folder.in('a', 'file'), '', { mode: 0o644 });
  });

  afterEach(() => folder[Symbol.dispose]());

  const barred = (user: Parameters<typeof findBarred>[2] = other, right: 'read' | 'pass' = 'read') =>
    findBarred(folder.in('a', 'file'), right, user);

  it('is nothing where he may read it', () => {
    assert.equal(barred(), undefined);
  });

  it('is a file that he may not read, and a folder above it that he may not pass', () => {
    chmodSync(folder.in('a', 'file'), 0o640);
    assert.equal(barred(), folder.in('a', 'file'));
    chmodSync(folder.in('a'), 0o750);
    assert.equal(barred(), folder.in('a'));
    assert.equal(findBarred(folder.in('a'), 'pass', other), folder.in('a'));
    chmodSync(folder.in('a'), 0o751);
    assert.equal(findBarred(folder.in('a'), 'pass', other), undefined);
  });

  it('is looked for by the rights of the owner, of the group, or of others, whichever he is', () => {
    chmodSync(folder.in('a', 'file'), 0o040);
    assert.equal(barred({ ...other, groups: [gid] }), undefined);
    assert.equal(barred({ ...other, gid }), undefined);
    assert.equal(barred({ uid, gid, groups: [] }), folder.in('a', 'file'));
  });

  it('is looked for on the way that a link leads, too', () => {
    mkdirSync(folder.in('closed'), { mode: 0o700 });
    writeFileSync(folder.in('closed', 'file'), '', { mode: 0o644 });
    symlinkSync(folder.in('closed', 'file'), folder.in('link'));
    assert.equal(findBarred(folder.in('link'), 'read', other), folder.in('closed'));
  });
});
