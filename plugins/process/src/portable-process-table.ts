import { systemCommand } from '@jitsud/core/plugin';
import { spawnSync } from 'node:child_process';
import type { ProcessEntry, ProcessTable } from './process-table.js';

/** The exit status by which a shell, and `systemCommand`, say so. */
const NO_SUCH_PROGRAM = 127;

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

  /** ps shows words in a form in which their ends cannot be told. */
  commandLine(): undefined {
    return undefined;
  }

  /** Of no use without the environment. */
  users(): undefined {
    return undefined;
  }
}

function ps(...options: string[]): ProcessEntry[] {
  // The C locale, as the date would otherwise follow the user's language, which may change between two runs of Jitsu.
  const { file, words, env } = systemCommand('ps', options, { LC_ALL: 'C', TZ: 'UTC' });
  const { stdout, error, status } = spawnSync(file, words, { encoding: 'utf8', env });
  if (error) throw error;
  if (status === NO_SUCH_PROGRAM) throw Object.assign(new Error('There is no program ps.'), { code: 'ENOENT' });
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
