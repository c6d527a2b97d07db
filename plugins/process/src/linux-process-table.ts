import { errorCode } from '@jitsud/core/plugin';
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { ProcessEntry, ProcessTable } from './process-table.js';

/** The errors for a process that is gone, ended while it was read, or belongs to another user. */
const UNREADABLE = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'];

/** How often, and after how many milliseconds, an environment that is empty is read again. */
const EMPTY_READS = 3;
const EMPTY_PAUSE = 1;
const PAUSED = new Int32Array(new SharedArrayBuffer(4));

/** Reads /proc: proc_pid_stat(5), proc_pid_environ(5), proc_pid_cmdline(5), proc_pid_status(5). */
export class LinuxProcessTable implements ProcessTable {
  readonly bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  // One buffer for all looks: they are frequent, and a buffer for each would be most of their cost.
  readonly #buffer = Buffer.alloc(4_096);

  look(pid: number): ProcessEntry | undefined {
    const line = ifReadable(() => {
      const file = openSync(`/proc/${pid}/stat`, 'r');
      try {
        return this.#buffer.toString('latin1', 0, readSync(file, this.#buffer));
      } finally {
        closeSync(file);
      }
    });
    return line ? parseStat(line) : undefined;
  }

  all(): ProcessEntry[] {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.map((pid) => this.look(Number(pid))).filter((entry) => entry !== undefined);
  }

  environment(pid: number): readonly string[] | undefined {
    const read = (): string | undefined => ifReadable(() => readFileSync(`/proc/${pid}/environ`, 'utf8'));
    let text = read();
    // Within execve(2) a process has no environment for a moment, and one that is taken for a stranger then is lost.
    for (let again = 0; text === '' && again < EMPTY_READS; again += 1) {
      Atomics.wait(PAUSED, 0, 0, EMPTY_PAUSE);
      text = read();
    }
    return text?.split('\0');
  }

  commandLine(pid: number): readonly string[] | undefined {
    return ifReadable(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
      ?.replace(/\0$/, '')
      .split('\0');
  }

  users(pid: number): readonly number[] | undefined {
    const status = ifReadable(() => readFileSync(`/proc/${pid}/status`, 'latin1'));
    return /^Uid:\s+(.*)$/m
      .exec(status ?? '')?.[1]
      ?.split(/\s+/)
      .map(Number);
  }
}

/** Parses a line of /proc/PID/stat. The program's name, in parentheses, may contain spaces and parentheses. */
export function parseStat(line: string): ProcessEntry {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state, , group, session] = fields;
  const [threads, , startTime = ''] = fields.slice(17);
  return {
    pid: parseInt(line, 10),
    group: Number(group),
    session: Number(session),
    startTime,
    state: stateOf(state, Number(threads)),
  };
}

function stateOf(letter: string | undefined, threads: number): ProcessEntry['state'] {
  if (letter === 'T') return 'stopped';
  // The first thread of a program may end before the others: it looks like a zombie then, though the program still
  // runs.
  return letter === 'X' || (letter === 'Z' && threads <= 1) ? 'dead' : 'alive';
}

function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (UNREADABLE.includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}
