import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { NetworkNamespace } from '../network-namespace.js';

/**
 * Starts a program of this folder in a namespace, and resolves when it says that it runs.
 *
 * @param words its arguments
 * @param through what starts it, such as setpriv, with its words
 * @param started is given the process at once, so that it can be ended whatever becomes of it
 */
export async function startProgram(
  namespace: NetworkNamespace,
  name: string,
  words: readonly string[],
  through: readonly string[],
  started: (child: ChildProcess) => void,
): Promise<ChildProcess> {
  const program = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const child = fork(program, words, {
    execPath: '/usr/bin/env',
    execArgv: ['ip', 'netns', 'exec', namespace.name, ...through, process.execPath],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.setMaxListeners(0);
  started(child);
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${name} has ended`);
  });
  ended.catch(() => undefined);
  await Promise.race([once(child, 'message'), ended]);
  return child;
}
