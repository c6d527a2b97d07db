/**
 * A program that runs suites and tells of them, as {@link TestEvent}s, in the file that its argument names. Which ones
 * it reads from `request.json`, a {@link TestRequest}, in the folder where it is started: the root of the workspace.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import Mocha from 'mocha';
import { reportEvents } from './event-reporter.js';
import { nameOf, type TestEvent } from './test-event.js';
import type { TestRequest } from './test-request.js';

/** In milliseconds. Everything is slow in an emulator. */
const TIMEOUT = 120_000;

const output = openSync(process.argv[2] ?? '/dev/stdout', constants.O_WRONLY);
const tell = (event: TestEvent): void => {
  if ('test' in event) console.log(`${Math.round(uptime())} s: ${event.event}: ${nameOf(event.test)}`);
  const line = Buffer.from(`${JSON.stringify(event)}\n`);
  for (let written = 0; written < line.length;) written += writeSync(output, line, written);
};

const request = JSON.parse(readFileSync('request.json', 'utf8')) as TestRequest;
Object.assign(process.env, request.environment, { JITSU_TEST_SKIPS: join(tmpdir(), `jitsu-skips-${process.pid}`) });
const titles = request.tests.map((test) => nameOf(test).replaceAll(/[|\\{}()[\]^$+*?.-]/g, '\\$&'));
const mocha = new Mocha({
  timeout: TIMEOUT,
  color: false,
  grep: new RegExp(`^(${titles.join('|')})$`),
  reporter: class {
    constructor(runner: Mocha.Runner) {
      reportEvents(runner, tell);
    }
  } as never,
});
for (const file of request.files) mocha.addFile(file);
await mocha.loadFilesAsync();
mocha.run((failures) => {
  closeSync(output);
  // What a suite has left open must not keep the machine from ending.
  process.exit(failures === 0 ? 0 : 1);
});
