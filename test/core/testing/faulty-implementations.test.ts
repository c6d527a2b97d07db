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
    const { all, failed } = await runFaulty(new URL('../../support/faulty-backends.js', import.meta.url));
    assert.ok(all.length > 5, `only ${all.length} backends were tried`);
    assert.deepEqual(failed, all.filter((name) => name !== 'has no fault').sort());
  });
});

describe('the suites of the other contracts', () => {
  it('pass an implementation without fault and fail each that has one', async function () {
    this.timeout(300_000);
    const { all, failed } = await runFaulty(new URL('../../support/faulty-contracts.js', import.meta.url));
    const contracts = new Set(all.map((name) => name.split(': ')[0]));
    assert.equal(contracts.size, 9, `these were tried: ${[...contracts].join(', ')}`);
    assert.deepEqual(failed, all.filter((name) => !name.endsWith(': no fault')).sort());
  });
});

/** The names of all implementations in that mocha file, and of those that failed a test. */
async function runFaulty(file: URL): Promise<{ all: readonly string[]; failed: readonly string[] }> {
  using folder = new TemporaryFolder();
  const report = folder.in('report.json');
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
  const words = [
    mocha,
    '--no-config',
    '--reporter',
    'json',
    '--reporter-option',
    `output=${report}`,
    fileURLToPath(file),
  ];
  // Failed tests are what we want, so the exit status says nothing.
  await new Promise((resolve) => execFile(process.execPath, words, resolve));
  const { tests, failures } = JSON.parse(readFileSync(report, 'utf8')) as MochaReport;
  const names = (titles: MochaReport['tests']) => [
    ...new Set(titles.map(({ fullTitle }) => fullTitle.split(' (')[0] ?? '')),
  ];
  return { all: names(tests), failed: names(failures).sort() };
}
