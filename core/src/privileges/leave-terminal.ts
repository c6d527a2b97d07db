import { closeSync, openSync } from 'node:fs';
import type { Logger } from '../contracts/logger.js';
import { errorMessage } from '../errors.js';
import { Linux } from '../net/linux.js';
import { callError, loadSocketCalls } from '../net/socket-calls.js';
import { processStat } from '../plugin-kit/process-stat.js';

/**
 * Gives up the terminal that controls this process, if there is one: whoever has a terminal of root's shell may type
 * into it (TIOCSTI in ioctl_tty(2)). What Jitsu writes still appears there, and Ctrl-C still reaches it, since it stays
 * in its process group. The leader of a session keeps its terminal: it would be taken from all, and no shell is there.
 */
export async function leaveTerminal(logger: Logger): Promise<void> {
  if (Number(processStat('self')[3]) === process.pid) return;
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
