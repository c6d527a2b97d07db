import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { OutputFile } from '#process/output-file.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('the file of a program’s output', () => {
  it('is emptied once it is large and has been read, and read on from there', () => {
    using folder = new TemporaryFolder();
    const path = folder.in('output');
    const file = new OutputFile(path);
    writeFileSync(path, 'x\n'.repeat(100_000));
    assert.equal(file.read().length, 100_000);
    assert.equal(statSync(path).size, 200_000, 'a small one is left as it is');
    appendFileSync(path, 'y\n'.repeat(50_000));
    assert.equal(file.read().length, 50_000);
    assert.equal(statSync(path).size, 0);
    appendFileSync(path, 'more\n');
    assert.deepEqual(file.read(), ['more']);
  });

  it('is neither read nor emptied where somebody has put a link to another file in its place', () => {
    using folder = new TemporaryFolder();
    const [secret, path] = [folder.in('secret'), folder.in('output')];
    writeFileSync(secret, 'secret\n'.repeat(50_000));
    symlinkSync(secret, path);
    assert.throws(() => new OutputFile(path).read(), { code: 'ELOOP' });
    assert.equal(readFileSync(secret).length, 350_000);
  });
});
