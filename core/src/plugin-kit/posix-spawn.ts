import { accessSync, constants as files, statSync } from 'node:fs';
import { endianness, constants as system } from 'node:os';
import { join } from 'node:path';
import type { Exit } from '../contracts/spawner.js';

/** What to execute, in a session of its own and in the folder of this process. */
export interface Child {
  /** A path, or a name that is looked for in the PATH of its variables, as execvp(3) does it. */
  readonly program: string;
  /** argv, the program's own name first. */
  readonly words: readonly string[];
  readonly variables: NodeJS.ProcessEnv;
  /** Files of this process for its output and its errors; without one, they are thrown away. */
  readonly out: number | undefined;
  readonly errors: number | undefined;
  /** Files of this process that are its files from 3 on. None has a number below that of the last of these. */
  readonly more?: readonly number[] | undefined;
}

/** What waitid(2) has told of a child. */
export interface ChildChange {
  readonly pid: number;
  /** Absent where it was stopped or continued. */
  readonly exit?: Exit;
}

/**
 * The C library's posix_spawn(3), which suspends its caller until the program is executed and shares the memory with it.
 * Node forks for each child, which copies the page tables of the whole process, and sets each signal in the child.
 */
export type PosixSpawn = NonNullable<Awaited<ReturnType<typeof loadPosixSpawn>>>;

/** The architectures with the layout of siginfo_t that is read here. */
const ARCHITECTURES = ['x64', 'arm64'];

/** More than any C library needs for its opaque structures, in bytes. */
const STRUCTURE = 1_024;

/** Where programs are for who has no PATH, as with glibc's execvp(3). */
const DEFAULT_PATH = '/bin:/usr/bin';

/** Constants of Linux that x86-64 and arm64 share. */
const { SETSIGDEF, SETSIGMASK, SETSID } = { SETSIGDEF: 0x04, SETSIGMASK: 0x08, SETSID: 0x80 };
const { P_ALL, P_PID } = { P_ALL: 0, P_PID: 1 };
const { WNOHANG, WSTOPPED, WEXITED, WCONTINUED, WNOWAIT } = {
  ...{ WNOHANG: 1, WSTOPPED: 2, WEXITED: 4, WCONTINUED: 8, WNOWAIT: 0x0100_0000 },
};
const CLD_EXITED = 1;
const F_SETFL = 4;
const O_APPEND = 0o2_000;

/** Also those that libuv has no word for, such as ENOEXEC. */
const ERROR_NAMES = new Map(Object.entries(system.errno).map(([name, number]) => [number, name]));
const SIGNAL_NAMES = new Map(Object.entries(system.signals).map(([name, number]) => [number, name as NodeJS.Signals]));

/** Loads it, which takes some ten milliseconds. `undefined` where the system has it not, or not as it is used here. */
export async function loadPosixSpawn() {
  if (process.platform !== 'linux' || !ARCHITECTURES.includes(process.arch) || endianness() !== 'LE') return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const library = koffi.load(null);
    const call = <F extends (...parameters: never[]) => unknown>(definition: string): F =>
      library.func(definition) as unknown as F;
    const optional = <F extends (...parameters: never[]) => unknown>(definition: string): F | undefined => {
      try {
        return call(definition);
      } catch {
        return undefined;
      }
    };
    type OnStructure = (structure: Buffer) => number;
    const initialise = call<OnStructure>('int posix_spawn_file_actions_init(void *)');
    const destroy = call<OnStructure>('int posix_spawn_file_actions_destroy(void *)');
    const duplicate = call<(actions: Buffer, file: number, to: number) => number>(
      'int posix_spawn_file_actions_adddup2(void *, int, int)',
    );
    // glibc 2.34. Without it, only what Node and this module opens could be inherited, all of it with close-on-exec.
    const closeFrom = optional<(actions: Buffer, file: number) => number>(
      'int posix_spawn_file_actions_addclosefrom_np(void *, int)',
    );
    const spawn = call<
      (
        pid: [number],
        path: string,
        actions: Buffer,
        attributes: Buffer,
        words: readonly (string | null)[],
        variables: readonly (string | null)[],
      ) => number
    >('int posix_spawn(_Out_ int *, const char *, const void *, const void *, const char **, const char **)');
    const waitid = call<(kind: number, id: number, information: Buffer, options: number) => number>(
      'int waitid(int, uint, void *, int)',
    );
    const fcntl =
      call<(file: number, command: number, type: 'int', flags: number) => number>('int fcntl(int, int, ...)');

    const attributes = attributesOf(call);
    const actions = Buffer.alloc(STRUCTURE);
    const information = Buffer.alloc(128);

    const execute = (
      path: string,
      words: readonly string[],
      variables: readonly string[],
      { out, errors, more = [] }: Child,
    ): number => {
      const pid: [number] = [0];
      initialise(actions);
      try {
        // Input and output of this process are /dev/null, and its files have close-on-exec, which these copies lose.
        duplicate(actions, 0, 0);
        duplicate(actions, errors ?? 1, 2);
        duplicate(actions, out ?? 1, 1);
        for (const [index, file] of more.entries()) duplicate(actions, file, 3 + index);
        closeFrom?.(actions, 3 + more.length);
        const error = spawn(pid, path, actions, attributes, [...words, null], [...variables, null]);
        if (error !== 0) throw new SpawnError(path, ERROR_NAMES.get(error) ?? String(error));
        return pid[0];
      } finally {
        destroy(actions);
      }
    };

    return {
      /** Returns the pid. Throws an error like that of Node's spawn. */
      spawn(child: Child): number {
        const { program, words, variables, out, errors } = child;
        const texts: string[] = [];
        for (const [name, value] of Object.entries(variables)) if (value !== undefined) texts.push(`${name}=${value}`);
        if ([program, ...words, ...texts].some((text) => text.includes('\0'))) throw new SpawnError(program, 'EINVAL');
        // A file that may turn out to be a pipe is opened without waiting; a program expects that writing waits.
        for (const file of [out, errors]) if (file !== undefined) fcntl(file, F_SETFL, 'int', O_APPEND);
        const path = findProgram(program, variables.PATH);
        try {
          return execute(path, words, texts, child);
        } catch (error) {
          // A script without #!, which execvp(3) gives to the shell.
          if ((error as SpawnError).code !== 'ENOEXEC') throw error;
          return execute('/bin/sh', ['/bin/sh', path, ...words.slice(1)], texts, child);
        }
      },

      /** A child that was stopped or continued since the last call, or that has ended: that one is still to be taken. */
      nextChange(): ChildChange | undefined {
        // Without a child, it fails.
        information.fill(0);
        if (waitid(P_ALL, 0, information, WSTOPPED | WCONTINUED | WNOHANG) === 0) {
          const pid = information.readInt32LE(16);
          if (pid !== 0) return { pid };
        }
        information.fill(0);
        if (waitid(P_ALL, 0, information, WEXITED | WNOHANG | WNOWAIT) !== 0) return undefined;
        const pid = information.readInt32LE(16);
        if (pid === 0) return undefined;
        const [code, status] = [information.readInt32LE(8), information.readInt32LE(24)];
        return { pid, exit: code === CLD_EXITED ? { status } : { signal: SIGNAL_NAMES.get(status) ?? 'SIGKILL' } };
      },

      /** Takes a child that has ended, whose number is free from then on. */
      take(pid: number): void {
        waitid(P_PID, pid, information, WEXITED | WNOHANG);
      },
    };
  } catch {
    // No koffi, or no such functions: Node spawns as well.
    return undefined;
  }
}

/** As Node's spawn throws it. */
class SpawnError extends Error {
  readonly path: string;
  readonly syscall: string;

  constructor(
    program: string,
    readonly code: string,
  ) {
    super(`spawn ${program} ${code}`);
    this.path = program;
    this.syscall = `spawn ${program}`;
  }
}

/** A session of its own, no blocked signal, and none that is ignored or handled: Node ignores SIGPIPE. */
function attributesOf(call: <F extends (...parameters: never[]) => unknown>(definition: string) => F): Buffer {
  const attributes = Buffer.alloc(STRUCTURE);
  const set = (name: string, value: Buffer): void => {
    const setter = call<(attributes: Buffer, value: Buffer) => number>(`int posix_spawnattr_${name}(void *, void *)`);
    if (setter(attributes, value) !== 0) throw new Error(name);
  };
  call<(attributes: Buffer) => number>('int posix_spawnattr_init(void *)')(attributes);
  set('setsigdefault', Buffer.alloc(128, 0xff));
  set('setsigmask', Buffer.alloc(128));
  const setFlags = call<(attributes: Buffer, flags: number) => number>('int posix_spawnattr_setflags(void *, short)');
  if (setFlags(attributes, SETSIGDEF | SETSIGMASK | SETSID) !== 0) throw new Error('setflags');
  return attributes;
}

/** Throws as {@link SpawnError}. */
function findProgram(program: string, path = DEFAULT_PATH): string {
  if (program.includes('/')) return program;
  let code = 'ENOENT';
  for (const folder of path.split(':')) {
    const candidate = join(folder === '' ? '.' : folder, program);
    try {
      const isFile = statSync(candidate).isFile();
      accessSync(candidate, files.X_OK);
      if (isFile) return candidate;
      code = 'EACCES';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') code = 'EACCES';
    }
  }
  throw new SpawnError(program, code);
}
