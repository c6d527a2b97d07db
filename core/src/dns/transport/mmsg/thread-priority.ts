import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { errorCode } from '../../../errors.js';
import { HEAD_START } from '../../../plugin-kit/spawn-order.js';
import type { UdpContext } from '../udp-transport.js';

/** The calling thread's id in Linux; `undefined` where there is no /proc. */
export function ownThreadId(): number | undefined {
  try {
    // The link's target reads like 1234/task/1240.
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  } catch {
    return undefined;
  }
}

/**
 * Raises or restores the scheduling priority of a thread of this process. Returns the code of a failure: `EACCES` or
 * `EPERM` where the system's limits forbid it (RLIMIT_NICE of setrlimit(2)).
 * @param renice does it where it is up to it
 */
export function setThreadPriority(task: number, raised: boolean, renice?: UdpContext['renice']): string | undefined {
  const usual = getPriority();
  const niceness = raised ? Math.max(usual - HEAD_START, constants.priority.PRIORITY_HIGHEST) : usual;
  if (renice?.(task, niceness) === true) return undefined;
  try {
    // In Linux such an id means the thread alone, although POSIX has it mean the process.
    setPriority(task, niceness);
    return undefined;
  } catch (error) {
    return errorCode((error as { info?: unknown }).info) ?? 'unknown';
  }
}
