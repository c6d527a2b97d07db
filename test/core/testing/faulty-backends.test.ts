import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { TemporaryFolder } from '../../support/temporary-folder.js';

interface MochaReport {
  readonly tests: readonly { readonly fullTitle: string }[];
  readonly failures: readonly { readonly fullTitle: string }[];
}

describe('the backend contract suite', () => {
  it('passes a backend without fault and fails each that has one', async function () {
    this.timeout(120_000);
    const { tests, failures } = await runFaultyBackends();
    const names = (titles: MochaReport['tests']) => [
      ...new Set(titles.map(({ fullTitle }) => fullTitle.split(' (')[0])),
    ];
    const all = names(tests);
    assert.ok(all.length > 5, `only ${all.length} backends were tried`);
    assert.deepEqual(names(failures).sort(), all.filter((name) => name !== 'has no fault').sort());
  });
});

async function runFaultyBackends(): Promise<MochaReport> {
  using folder = new TemporaryFolder();
  const report = folder.in('report.json');
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
  const file = fileURLToPath(new URL('../../support/faulty-backends.js', import.meta.url));
  const words = [mocha, '--no-config', '--reporter', 'json', '--reporter-option', `output=${report}`, file];
  // Failed tests are what we want, so the exit status says nothing.
  await new Promise((resolve) => execFile(process.execPath, words, resolve));
  return JSON.parse(readFileSync(report, 'utf8')) as MochaReport;
}
