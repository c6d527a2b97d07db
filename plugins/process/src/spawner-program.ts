/**
 * The process that spawns for Jitsu. A fork copies the page tables of the whole process, whose threads then fault on
 * each page that they write, and it waits until the child has executed its program. So a small process does it, one
 * that answers no queries.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { SpawnNews, SpawnOrder } from './spawn-order.js';

/** Changes of children within this time, in milliseconds, are reported together. */
const GATHER = 40;

// It ends with Jitsu, and ignores the signals that a terminal or a service manager sends to both.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (order: SpawnOrder) => run(order));

// Node reports only ends. The signal also comes when a child was stopped or continued (sigaction(2)).
let telling: NodeJS.Timeout | undefined;
process.on('SIGCHLD', () => {
  telling ??= setTimeout(() => {
    telling = undefined;
    tell({ changed: true });
  }, GATHER);
});

function tell(news: SpawnNews): void {
  // Without a callback, a failure would be thrown: Jitsu may have been killed, and the disconnect not be noticed yet.
  process.send?.(news, () => undefined);
}

function run({ number, program, argv0, words, cwd, env, stdout, stderr, account }: SpawnOrder): void {
  // All failures here come from the system; the core, with its error classes, is too much to load for this.
  const failed = ({ code, message }: NodeJS.ErrnoException): void => tell({ number, failure: { code, message } });
  const files: number[] = [];
  try {
    for (const path of [stdout, stderr]) files.push(openSync(path, 'ax', 0o600));
    const child = spawn(program, words, {
      ...{ argv0, cwd, env, detached: true, stdio: ['ignore', ...files] },
      ...account,
    });
    if (child.pid === undefined) return void child.once('error', failed);
    tell({ number, pid: child.pid });
    child.once('exit', (status, signal) => {
      tell({ number, exit: { ...(status === null ? {} : { status }), ...(signal === null ? {} : { signal }) } });
    });
  } catch (error) {
    failed(error as NodeJS.ErrnoException);
  } finally {
    for (const file of files) closeSync(file);
  }
}
