import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { LogOutput, type LogStream } from '#core/telemetry/log-output.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const LOG = JSON.stringify(new URL('../../../../core/dist/telemetry/log.js', import.meta.url));

describe('the output of the log', () => {
  const notice = (message: string): string => `! ${message}\n`;

  it('says what was lost, and why, by the next line that can be written', () => {
    let failure: Error | undefined;
    let text = '';
    // Those of standard error go on after an error, which others of Node's do not.
    const stream = Object.assign(new Writable(), {
      write(line: string, written: (error?: Error) => void): boolean {
        if (failure === undefined) text += line;
        written(failure);
        return true;
      },
    });
    const output = new LogOutput(stream as LogStream, notice);
    output.write('first\n');
    failure = new Error('ENOSPC: no space left on device, write');
    output.write('second\n');
    output.write('third\n');
    failure = undefined;
    output.write('fourth\n');
    output.write('fifth\n');
    assert.equal(text, 'first\n! 2 lines of the log are lost: ENOSPC: no space left on device, write\nfourth\nfifth\n');
  });

  it('keeps no more than 1 MiB for a reader that does not read', () => {
    const taken: (() => void)[] = [];
    let text = '';
    const stream = new Writable({
      decodeStrings: false,
      write(chunk: string, _encoding, written) {
        text += chunk;
        taken.push(written);
      },
    });
    const output = new LogOutput(stream, notice);
    const line = `${'x'.repeat(1_023)}\n`;
    for (let count = 0; count < 3_000; count += 1) output.write(line);
    assert(stream.writableLength < 1_100_000, `${stream.writableLength} characters wait`);
    for (let next = taken.pop(); next !== undefined; next = taken.pop()) next();
    output.write('last\n');
    for (let next = taken.pop(); next !== undefined; next = taken.pop()) next();
    const [, lost] = /! (\d+) lines of the log are lost: its reader does not read\nlast\n$/.exec(text) ?? [];
    assert.equal(Number(lost) + text.split('x\n').length - 1, 3_000);
  });

  it('begins a new line where a file that was full ends within one', () => {
    using folder = new TemporaryFolder();
    const file = folder.in('log');
    const program = `
      import { ftruncateSync } from 'node:fs';
      import { createLogger } from ${LOG};
      const log = createLogger({ level: 'info', format: 'text' });
      for (let line = 0; line < 40; line += 1) log.info({}, 'line ' + line);
      ftruncateSync(2, 20);
      log.info({}, 'last');`;
    // No file may become longer than 1 KiB or two.
    const command = `ulimit -f 2; exec "$0" --input-type=module --eval "$1" 2>>"$2"`;
    execFileSync('sh', ['-c', command, process.execPath, program, file]);
    const lines = readFileSync(file, 'utf8').split('\n');
    assert.equal(lines[0]?.length, 20);
    assert.match(lines[1] ?? '', /^\S+ warn {2}\d+ lines of the log are lost: EFBIG: file too large, write$/);
    assert.match(lines[2] ?? '', /^\S+ info {2}last$/);
  });

  for (const [what, redirection] of [
    ['on a device that is full', '2>/dev/full'],
    ['where its reader has gone', ''],
  ] as const) {
    it(`goes on ${what}`, async () => {
      const program = `
        import { createLogger } from ${LOG};
        const log = createLogger({ level: 'info', format: 'text' });
        process.stdin.resume().once('end', () => {
          log.info({}, 'first');
          setTimeout(() => log.info({}, 'second'), 20);
          setTimeout(() => console.log('it goes on'), 40);
        });`;
      const words = ['-c', `exec "$0" --input-type=module --eval "$1" ${redirection}`, process.execPath, program];
      const child = spawn('sh', words);
      child.stderr.destroy();
      child.stdin.end();
      assert.equal(await text(child.stdout), 'it goes on\n');
    });
  }
});
