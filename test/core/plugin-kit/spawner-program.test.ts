import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { MessageStream } from '#core/plugin-kit/message-stream.js';
import { startTimeOf } from '#core/plugin-kit/process-stat.js';
import { eventually } from '#core/testing/eventually.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const PROGRAM = fileURLToPath(import.meta.resolve('#core/plugin-kit/spawner-program.js'));

/** Reports each timer that the program sets, so that the test measures no time. */
const TELL_TIMERS = `
  import { writeSync } from 'node:fs';
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (callback, delay) => (writeSync(2, delay + '\\n'), setTimeout(callback, delay));
`;

describe('the program of the process that spawns', () => {
  it('gathers the changes of its children for 40 ms', async () => {
    const words = ['--import', `data:text/javascript,${encodeURIComponent(TELL_TIMERS)}`, PROGRAM];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    const news: object[] = [];
    let timers = '';
    child.stderr?.on('data', (bytes: Buffer) => (timers += bytes.toString()));
    const told = new EventEmitter();
    const stream = new MessageStream(child.stdio[3] as Duplex, {
      message: (message) => void (news.push(message as object), told.emit('news')),
      end: () => undefined,
    });
    const received = async (key: string): Promise<void> => {
      while (!news.some((message) => key in message)) await once(told, 'news');
    };
    try {
      // Its answer to an order, though it be a failure, shows that it has begun.
      const launch = { program: '/bin/sh', argv0: 'sh', words: [], cwd: '/', output: '/no/such/file' };
      stream.send({ number: 7, launch, details: {} });
      await received('failure');
      for (let count = 0; count < 3; count += 1) child.kill('SIGCHLD');
      await received('changed');
      await eventually(() => assert.equal(timers, '40\n'));
    } finally {
      stream.close();
    }
  });

  it('goes on when what it adopts cannot be written down', async () => {
    using folder = new TemporaryFolder();
    // As on a full disk, nothing can be made there.
    writeFileSync(folder.in('run'), '');
    const child = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    const news = new EventEmitter();
    const stream = new MessageStream(child.stdio[3] as Duplex, {
      message: (message) => {
        if ('failure' in (message as object)) news.emit('failure');
      },
      end: () => {
        news.emit('ended');
      },
    });
    try {
      stream.send({ ledger: folder.in('run') });
      stream.send({ adopt: process.pid, startTime: startTimeOf(process.pid) });
      const outcome = Promise.race(
        ['failure', 'ended'].map(async (word) => {
          await once(news, word);
          return word;
        }),
      );
      const launch = { program: '/bin/sh', argv0: 'sh', words: [], cwd: '/', output: '/no/such/file' };
      stream.send({ number: 7, launch, details: {} });
      assert.equal(await outcome, 'failure');
    } finally {
      stream.close();
    }
  });
});
