import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestPath } from './test-event.js';

const run = promisify(execFile);
const WORKSPACE = fileURLToPath(new URL('../../../..', import.meta.url));
const LIST_TESTS = fileURLToPath(new URL('list-tests.js', import.meta.url));

/** A test, and the file that it is in, from the root of the workspace. */
export interface ListedTest {
  readonly test: TestPath;
  readonly file: string;
}

/** All tests of the compiled suites in a folder, in their order. None is run, nor are their hooks. */
export async function testsIn(folder: string): Promise<readonly ListedTest[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.test.js')).toSorted();
  const files = names.map((name) => join(folder, name));
  const { stdout } = await run(process.execPath, [LIST_TESTS, ...files], { maxBuffer: 2 ** 24 });
  const tests = JSON.parse(stdout) as ListedTest[];
  return tests.map(({ test, file }) => ({ test, file: relative(WORKSPACE, file) }));
}
