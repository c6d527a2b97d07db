/**
 * The thread that spawns. fork(2) copies the page tables of the whole process, and then the caller waits until the child
 * has executed its program: on a busy machine that takes tens of milliseconds, during which nobody would be answered.
 */
import { errorCode, errorMessage } from '@jitsud/core';
import { spawn } from 'node:child_process';
import { parentPort, type MessagePort } from 'node:worker_threads';
import type { SpawnNews, SpawnOrder } from './spawn-order.js';

const port = parentPort as MessagePort;
const tell = (news: SpawnNews): void => port.postMessage(news);

port.on('message', (order: SpawnOrder | 'close') => {
  // The thread goes on until its last child has ended, so that none becomes a zombie.
  if (order === 'close') port.unref();
  else run(order);
});

function run({ number, program, argv0, words, cwd, env, stdout, stderr, account }: SpawnOrder): void {
  const failed = (error: unknown): void =>
    tell({ number, failure: { code: errorCode(error), message: errorMessage(error) } });
  try {
    const child = spawn(program, words, {
      ...{ argv0, cwd, env, detached: true, stdio: ['ignore', stdout, stderr] },
      ...account,
    });
    if (child.pid === undefined) return void child.once('error', failed);
    tell({ number, pid: child.pid });
    child.once('exit', (status, signal) => {
      tell({ number, exit: { ...(status === null ? {} : { status }), ...(signal === null ? {} : { signal }) } });
    });
  } catch (error) {
    failed(error);
  }
}
