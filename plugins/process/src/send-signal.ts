import { errorCode } from '@jitsud/core/plugin';

/**
 * kill(2): a negative pid means a process group, signal 0 only asks.
 * @returns whether there was anybody to get it
 */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false;
    // Only asked, a process that is not ours to signal has answered.
    if (errorCode(error) === 'EPERM' && signal === 0) return true;
    throw error;
  }
}
