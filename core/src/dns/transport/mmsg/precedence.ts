import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { errorCode } from '../../../errors.js';

/** In steps of `nice`. With half of it, a thread that was woken still had to wait for others where many boot at once. */
const HEAD_START = 10;

/** The number that Linux knows the calling thread by; `undefined` where there is no /proc. */
export function ownTask(): number | undefined {
  try {
    // Such as 1234/task/1240.
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  } catch {
    return undefined;
  }
}

/**
 * Has a thread of this process go before whatever else wants a processor, or no more. Returns why that cannot be, as a
 * code: `EACCES` or `EPERM` where the system's limits forbid it (RLIMIT_NICE of setrlimit(2)).
 */
export function setPrecedence(task: number, first: boolean): string | undefined {
  const usual = getPriority();
  try {
    // In Linux a number of this kind means the thread alone, although POSIX would have it mean the process.
    setPriority(task, first ? Math.max(usual - HEAD_START, constants.priority.PRIORITY_HIGHEST) : usual);
    return undefined;
  } catch (error) {
    return errorCode((error as { info?: unknown }).info) ?? 'unknown';
  }
}
