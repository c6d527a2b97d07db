import { spawnSync } from 'node:child_process';
import type { ProcessEntry, ProcessTable } from './process-table.js';

const COLUMNS = 'pid=,pgid=,stat=,lstart=';

/** Runs ps(1), for systems without /proc, such as macOS. The start time is a date, so boots need not be told apart. */
export class PortableProcessTable implements ProcessTable {
  readonly bootId = 'any';

  look(pid: number): ProcessEntry | undefined {
    return ps('-o', COLUMNS, '-p', String(pid))[0];
  }

  all(): ProcessEntry[] {
    return ps('-axo', COLUMNS);
  }

  /** ps shows environments in a form that cannot be told apart from arguments. */
  environment(): undefined {
    return undefined;
  }
}

function ps(...options: string[]): ProcessEntry[] {
  // The C locale, as the date would otherwise follow the user's language, which may change between two runs of Jitsu.
  const { stdout, error } = spawnSync('ps', options, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  });
  if (error) throw error;
  return stdout
    .split('\n')
    .map(parseLine)
    .filter((entry) => entry !== undefined);
}

function parseLine(line: string): ProcessEntry | undefined {
  const [, pid, group, letters, startTime] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*\S)\s*$/.exec(line) ?? [];
  if (letters === undefined || startTime === undefined) return undefined;
  const state = letters.startsWith('T') ? 'stopped' : letters.startsWith('Z') ? 'dead' : 'alive';
  return { pid: Number(pid), group: Number(group), session: letters.includes('s') ? Number(pid) : 0, startTime, state };
}
