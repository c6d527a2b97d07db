import { readFileSync } from 'node:fs';

/**
 * The fields of proc_pid_stat(5) from the third one, the state, on. Throws file system errors: ENOENT or ESRCH where there
 * is no such process.
 */
export function processStat(pid: number | 'self'): readonly string[] {
  const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The program's name, in parentheses, may contain spaces and parentheses.
  return line.slice(line.lastIndexOf(')') + 2).split(' ');
}

/** When a process was started, in ticks of the clock after the boot; `undefined` where there is no such process. */
export function startTimeOf(pid: number): string | undefined {
  try {
    return processStat(pid)[19];
  } catch {
    return undefined;
  }
}
