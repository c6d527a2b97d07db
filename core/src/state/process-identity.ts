import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { errorCode } from '../errors.js';
import { processStat } from '../plugin-kit/process-stat.js';

/** Identifies a process among all earlier and later ones with the same process number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Its start time in the system's own format, only to be compared. Empty if the system does not tell it. */
  readonly started: string;
  /** The kernel's boot id; empty if there is none. */
  readonly boot: string;
}

/** Whether a value read from a file has the shape of an identity. */
export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  const { pid, started, boot } = (value ?? {}) as Partial<ProcessIdentity>;
  const isPid = Number.isSafeInteger(pid) && Number(pid) > 0 && Number(pid) < 2 ** 31;
  return isPid && typeof started === 'string' && typeof boot === 'string';
}

/** The identity of a running process; `undefined` if no process has this number, or it is a zombie (owns nothing). */
export function identityOf(pid: number): ProcessIdentity | undefined {
  if (!exists(pid)) return undefined;
  const started = process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid);
  return started === undefined ? undefined : { pid, started, boot: bootId() };
}

/** Whether the process with this identity still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identityOf(identity.pid);
  return now?.started === identity.started && now.boot === identity.boot;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function startOnLinux(pid: number): string | undefined {
  try {
    const fields = processStat(pid);
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch (error) {
    // Without /proc, or with one that hides other users' processes, only the process number can be compared.
    return errorCode(error) === 'ESRCH' ? undefined : '';
  }
}

function startByPs(pid: number): string | undefined {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return '';
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
