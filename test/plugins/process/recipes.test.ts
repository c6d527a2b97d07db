import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runJitsu } from '../../support/jitsu-command.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const recipes = readFileSync(fileURLToPath(new URL('../../../../docs/recipes.md', import.meta.url)), 'utf8');

describe('the recipes', () => {
  it('have configurations that are good', async () => {
    using folder = new TemporaryFolder();
    const configurations = [...recipes.matchAll(/^```yaml\n(# jitsu\.config\.yaml\n.*?)^```$/gms)];
    assert.equal(configurations.length, 3);
    for (const [, text = ''] of configurations) {
      writeFileSync(folder.in('jitsu.config.yaml'), text);
      const { status, stdout, stderr } = await runJitsu(['check', '--offline'], { cwd: folder.path });
      assert.equal(status, 0, stderr);
      assert.match(stdout, / process /);
    }
  });
});
