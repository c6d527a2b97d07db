import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runJitsu } from '../../support/jitsu-command.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const guide = readFileSync(fileURLToPath(new URL('../../../../docs/libxl.md', import.meta.url)), 'utf8');

describe('the guide to guests of Xen with libxl', () => {
  it('has a configuration that is good', async () => {
    using folder = new TemporaryFolder();
    const [, config] = /^```ts\n(\/\/ jitsu\.config\.ts\n.*?)^```$/ms.exec(guide) ?? [];
    assert.ok(config);
    writeFileSync(folder.in('jitsu.config.ts'), config);
    const { status, stdout, stderr } = await runJitsu(['check', '--offline'], { cwd: folder.path });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^www +libxl +www\.jitsu\.test +10\.0\.0\.1 /m);
  });
});
