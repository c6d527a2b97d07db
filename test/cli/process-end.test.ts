import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';

/** Runs a program that asks for the end of its process, and never ends by itself. */
function run(program: string): Promise<{ status: number | string | null | undefined; output: string }> {
  const url = JSON.stringify(new URL('../../../cli/dist/process-end.js', import.meta.url));
  const code = `
    import { processEnd } from ${url};
    setInterval(() => {}, 1_000);
    const log = (fields, message) => console.log(message);
    const asked = processEnd.requested({ debug: log, info: log, warn: log, error: log });
    ${program}`;
  return new Promise((resolve) => {
    const words = ['--input-type=module', '--eval', code];
    execFile(process.execPath, words, { timeout: 15_000, killSignal: 'SIGKILL' }, (error, stdout) => {
      resolve({ status: error === null ? 0 : (error.signal ?? error.code), output: stdout });
    });
  });
}

describe('the end of the process', () => {
  it('comes with an error that nobody caught, which is logged: nobody knows the state that it leaves', async () => {
    for (const failure of ["setTimeout(() => { throw new Error('boom'); })", "Promise.reject(new Error('boom'))"]) {
      const { status, output } = await run(failure);
      assert.deepEqual(
        { status, output },
        {
          status: 1,
          output: 'Jitsu ends because of an error that it cannot know the effects of: boom\n',
        },
      );
    }
  });

  it('comes by that signal a second after all is closed, whatever still keeps the process', async () => {
    const { status, output } = await run(
      "process.kill(process.pid, 'SIGTERM'); processEnd.completed(await asked, { warn: log });",
    );
    assert.equal(status, 'SIGTERM');
    assert.match(output, /^all is closed, but something keeps this process/);
  });

  it('is left to those who have asked for it at the first signal', async () => {
    const { status, output } = await run(
      "process.kill(process.pid, 'SIGTERM'); console.log(await asked); process.exit(3);",
    );
    assert.deepEqual({ status, output }, { status: 3, output: 'SIGTERM\n' });
  });
});
