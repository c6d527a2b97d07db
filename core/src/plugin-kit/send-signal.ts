/**
 * kill(2): a negative pid means a process group, signal 0 only checks.
 * @returns whether there is such a process or group
 */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return false;
    // For a mere check, EPERM means that the process exists.
    if (code === 'EPERM' && signal === 0) return true;
    throw error;
  }
}
