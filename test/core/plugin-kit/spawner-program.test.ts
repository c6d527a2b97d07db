import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(import.meta.resolve('#core/plugin-kit/spawner-program.js'));

/** Reports each timer that the program sets, so that the test measures no time. */
const TELL_TIMERS = `
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (callback, delay) => (process.send({ delay }), setTimeout(callback, delay));
`;

describe('the program of the process that spawns', () => {
  it('gathers the changes of its children for 40 ms', async () => {
    const execArgv = ['--import', `data:text/javascript,${encodeURIComponent(TELL_TIMERS)}`];
    const child = fork(PROGRAM, { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const news: object[] = [];
    child.on('message', (message: object) => news.push(message));
    const received = async (key: string): Promise<void> => {
      while (!news.some((message) => key in message)) await once(child, 'message');
    };
    try {
      // Its answer to an order, though it be a failure, shows that it has begun.
      const launch = { program: '/bin/sh', argv0: 'sh', words: [], cwd: '/', output: '/no/such/file' };
      child.send({ number: 7, launch, details: {} });
      await received('failure');
      for (let count = 0; count < 3; count += 1) child.kill('SIGCHLD');
      await received('changed');
      assert.deepEqual(
        news.filter((message) => 'delay' in message),
        [{ delay: 40 }],
      );
    } finally {
      child.disconnect();
    }
  });
});
