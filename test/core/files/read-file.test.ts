import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { readOwnFile } from '#core/files/read-file.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('a file of our own', () => {
  it('is read, and nothing in its place', () => {
    using folder = new TemporaryFolder();
    const [file, link, inner, pipe, long] = ['file', 'link', 'inner', 'pipe', 'long'].map((name) =>
      folder.in(name),
    ) as [string, string, string, string, string];
    writeFileSync(file, 'ä');
    symlinkSync(file, link);
    mkdirSync(inner);
    execFileSync('mkfifo', [pipe]);
    writeFileSync(long, 'x'.repeat(65_537));
    assert.equal(readOwnFile(file), 'ä');
    assert.throws(() => readOwnFile(inner), { code: 'EISDIR' });
    for (const path of [folder.in('nothing'), link, pipe, long]) assert.equal(readOwnFile(path), undefined, path);
    writeFileSync(long, 'x'.repeat(65_536));
    assert.equal(readOwnFile(long)?.length, 65_536);
    assert.throws(() => readOwnFile(folder.in('file', 'below')), { code: 'ENOTDIR' });
  });
});
