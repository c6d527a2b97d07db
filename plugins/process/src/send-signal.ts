import { errorCode } from '@jitsud/core/plugin';

/**
 * kill(2): a negative pid means a process group, signal 0 only checks.
 * @returns whether there is such a process or group
 */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false;
    // For a mere check, EPERM means that the process exists.
    if (errorCode(error) === 'EPERM' && signal === 0) return true;
    throw error;
  }
}
