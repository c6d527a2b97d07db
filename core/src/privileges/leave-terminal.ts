import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Logger } from '../contracts/logger.js';
import { errorMessage } from '../errors.js';
import { Linux } from '../net/linux.js';
import { callError, loadSocketCalls } from '../net/socket-calls.js';

/**
 * Gives up the terminal that controls this process, if there is one: whoever has a terminal of root's shell may type
 * into it (TIOCSTI in ioctl_tty(2)). What Jitsu writes still appears there, and Ctrl-C still reaches it, since it stays
 * in its process group. The leader of a session keeps its terminal: it would be taken from all, and no shell is there.
 */
export async function leaveTerminal(logger: Logger): Promise<void> {
  if (isSessionLeader()) return;
  let terminal: number;
  try {
    terminal = openSync('/dev/tty', 'r+');
  } catch {
    // There is none.
    return;
  }
  try {
    const calls = await loadSocketCalls();
    if (calls.ioctl(terminal, Linux.TIOCNOTTY, null) !== 0) throw callError('ioctl', calls.errorCode());
  } catch (error) {
    const danger = 'whoever took over Jitsu could type into the shell that it was started from';
    logger.warn({ error }, `it cannot leave its terminal, and ${danger}: ${errorMessage(error)}`);
  } finally {
    closeSync(terminal);
  }
}

/** By the sixth field of proc_pid_stat(5); the second one, in brackets, may hold anything. */
function isSessionLeader(): boolean {
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').pop()?.split(' ') ?? [];
  return Number(fields[3]) === process.pid;
}
