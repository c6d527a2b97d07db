import { fork, spawn, type ChildProcess, type ForkOptions } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findTool } from './find-tool.js';

/** What a child of Node imports first, to close the files in its variable JITSU_INHERITED_FILES. */
export const CLOSE_INHERITED = new URL('./close-inherited.js', import.meta.url).href;

/** O_CLOEXEC of Linux, as /proc/PID/fdinfo shows it (proc_pid_fdinfo(5)). */
const CLOSE_ON_EXEC = 0o2_000_000;

export interface ChildOptions extends Pick<ForkOptions, 'stdio' | 'env' | 'detached'> {
  /** Neither it nor any program that it starts gets more privileges by executing a file (setpriv(1)). */
  readonly noNewPrivileges?: boolean;
  /** The words of a program that starts it: the path of that, and what stands before the command line of Node. */
  readonly through?: readonly [program: string, ...words: string[]];
}

/**
 * Forks a Node program that holds only the files of its `stdio`, whatever a library has opened in this process. Of what
 * such a library opens without close-on-exec, and a child could then write to, Node knows nothing.
 */
export function forkChild(program: URL, { noNewPrivileges, through, ...options }: ChildOptions): ChildProcess {
  const [execPath, ...execArgv] = wordsOf(noNewPrivileges, through);
  return fork(fileURLToPath(program), [], { ...options, env: environmentOf(options), execPath, execArgv });
}

/** The same without Node's own channel for messages. */
export function spawnChild(program: URL, { noNewPrivileges, through, ...options }: ChildOptions): ChildProcess {
  const [file, ...words] = wordsOf(noNewPrivileges, through);
  return spawn(file, [...words, fileURLToPath(program)], { ...options, env: environmentOf(options) });
}

function wordsOf(noNewPrivileges = false, through: ChildOptions['through']): [file: string, ...words: string[]] {
  const setpriv = noNewPrivileges ? findTool('setpriv') : undefined;
  const node = [process.execPath, '--import', CLOSE_INHERITED] as const;
  if (through !== undefined) return [...through, ...node];
  return setpriv === undefined ? [...node] : [setpriv, '--no-new-privs', '--', ...node];
}

function environmentOf({ env = process.env }: ChildOptions): NodeJS.ProcessEnv {
  return { ...env, JITSU_INHERITED_FILES: JSON.stringify(inheritedFiles()) };
}

/** The files beyond 2 that a child would inherit, with what each is; none where the system does not tell. */
export function inheritedFiles(): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of numbersOfFiles()) {
    try {
      const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'latin1'))?.[1];
      if (flags === undefined || (parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0) continue;
      files[name] = readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      // It was closed meanwhile: the very file by which the folder was read, or one of another thread.
    }
  }
  return files;
}

function numbersOfFiles(): string[] {
  try {
    return readdirSync('/proc/self/fd').filter((name) => Number(name) > 2);
  } catch {
    return [];
  }
}
