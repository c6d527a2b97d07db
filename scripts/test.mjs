/**
 * `npm test`: builds, installs missing system packages where it may, runs the suites and says what came of them. Its
 * last line is `N passed, N failed`, and `, N skipped` where there are such. Its arguments are passed on to mocha.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installSystemPackages } from './install-system-packages.mjs';
import { removeStaleOutput } from './remove-stale-output.mjs';
import { runCommand } from './run-command.mjs';

const require = createRequire(import.meta.url);

/** Below test/dist: suites with emulated machines, then those with servers and programs of their own. */
const LONGEST = ['e2e/xen/xen', 'e2e/xen/libxl', 'e2e/systemd/', 'e2e/libvirt/', 'e2e/', 'plugins/libvirt/'];
const SLOWEST_SHOWN = 15;

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'jitsu-test-'));
try {
  const { passed, failed, skipped } = await test(process.argv.slice(2));
  process.exitCode = failed === 0 ? 0 : 1;
  console.log(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function test(mochaArguments) {
  if ((await build()) !== 0) {
    console.log('\nThe build failed; no test was run.');
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const { SYSTEM_TOOLS } = await import('../test/dist/support/system-tools.js');
  const { findProgram } = await import('../test/dist/support/find-program.js');
  await installSystemPackages(SYSTEM_TOOLS, findProgram);
  const status = await runMocha(mochaArguments);
  return judge(status, readReport(), readSkips());
}

function build() {
  removeStaleOutput();
  return runCommand(process.execPath, [require.resolve('typescript/bin/tsc'), '-b']);
}

function runMocha(mochaArguments) {
  const reporter = fileURLToPath(new URL('test-reporter.mjs', import.meta.url));
  // Mocha would colour the log of any CI that says what it is.
  const color = process.stdout.isTTY ? [] : ['--no-color'];
  // Not in .mocharc.json, where it would be added to the files that somebody names.
  const suites = mochaArguments.some((word) => word.endsWith('.js')) ? [] : suitesLongestFirst();
  const words = [require.resolve('mocha/bin/mocha.js'), '--reporter', reporter, ...color, ...suites, ...mochaArguments];
  return runCommand(process.execPath, words, {
    env: {
      ...process.env,
      JITSU_TEST_REPORT: join(folder, 'report.json'),
      JITSU_TEST_SKIPS: join(folder, 'skips'),
      JITSU_TEST_ARGUMENTS: JSON.stringify(mochaArguments),
    },
  });
}

/**
 * What takes minutes begins first, so that at the end nobody waits for a single file; the rest as it comes. Without the
 * suites that .mocharc.json leaves out, which mocha does by itself.
 */
function suitesLongestFirst() {
  const rank = (file) => {
    const found = LONGEST.findIndex((start) => file.startsWith(start));
    return found < 0 ? LONGEST.length : found;
  };
  return readdirSync('test/dist', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js'))
    .toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map((file) => join('test/dist', file));
}

/** What the reporter wrote; nothing where mocha did not come to its end. */
function readReport() {
  const file = join(folder, 'report.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** The suites that could not run, as test/support/cannot-run.ts writes them. */
function readSkips() {
  const file = join(folder, 'skips');
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];
}

function list(heading, lines) {
  if (lines.length > 0) console.log(`\n${heading}:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

/** For CI, where time counts: the time of a file without what it took to load it. */
function tellSlowest(milliseconds) {
  if (!process.env.CI) return;
  const slowest = Object.entries(milliseconds).toSorted(([, a], [, b]) => b - a);
  list(
    'Slowest files, in seconds',
    slowest.slice(0, SLOWEST_SHOWN).map(([file, time]) => `${(time / 1_000).toFixed(1)} ${relative('.', file)}`),
  );
}

/** Prints what needs a word, and counts. */
function judge(status, report, skips) {
  if (report === undefined) {
    console.log(`\nmocha ended with status ${status} before its report was written.`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const isExplained = (title) => skips.some(({ suite }) => title === suite || title.startsWith(`${suite} `));
  const unexplained = report.pending.filter((title) => !isExplained(title));
  let failed = report.failures.length + unexplained.length;
  // Once more at the end, where somebody who reads a long log looks first.
  list('Failed', report.failures);
  list('Failed, and tried again', report.retried);
  if (skips.length > 0) {
    console.log('\nCould not run:');
    for (const { suite, reason } of skips) console.log(`  ${suite}: ${reason}`);
  }
  if (unexplained.length > 0) {
    console.log('\nSkipped without a reason, which counts as failed (see test/support/cannot-run.ts):');
    for (const title of unexplained) console.log(`  ${title}`);
  }
  if (failed === 0 && (status !== 0 || report.passed + report.pending.length === 0)) {
    console.log(
      status === 0 ? '\nThere was no test to run.' : `\nNo test failed, and yet mocha ended with status ${status}.`,
    );
    failed = 1;
  }
  tellSlowest(report.milliseconds);
  return { passed: report.passed, failed, skipped: report.pending.length - unexplained.length };
}
