import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { throughPager } from '#cli/help/pager.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

describe('the pager', () => {
  it("is the person's own, with its parameters", async () => {
    using folder = new TemporaryFolder();
    const file = folder.in('seen');
    assert.equal(await throughPager('text\n', { PATH: process.env['PATH'], PAGER: `tee ${file}` }), true);
    assert.equal(readFileSync(file, 'utf8'), 'text\n');
  });

  it('may be left before the end', async () => {
    const env = { PATH: process.env['PATH'], PAGER: 'true' };
    assert.equal(await throughPager('text\n'.repeat(100_000), env), true);
  });

  it('is missing where there is none', async () => {
    using folder = new TemporaryFolder();
    assert.equal(await throughPager('text\n', { PATH: folder.path, PAGER: 'no-such-pager' }), false);
  });
});
