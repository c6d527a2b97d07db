import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runJitsu } from '../../support/jitsu-command.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const page = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../../${name}`, import.meta.url)), 'utf8');

describe('the pages about pools', () => {
  const pages = { 'the guide': 'docs/xcp-ng.md', 'the manual': 'plugins/xapi/README.md' };
  for (const [called, name] of Object.entries(pages)) {
    it(`have a configuration that is good: ${called}`, async () => {
      using folder = new TemporaryFolder();
      const [, config] = /^```ts\n(\/\/ jitsu\.config\.ts\n.*?)^```$/ms.exec(page(name)) ?? [];
      assert.ok(config);
      writeFileSync(folder.in('jitsu.config.ts'), config);
      const { status, stdout, stderr } = await runJitsu(['check', '--offline'], { cwd: folder.path });
      assert.equal(status, 0, stderr);
      assert.match(stdout, /xapi/);
    });
  }
});
