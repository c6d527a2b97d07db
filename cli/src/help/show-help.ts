import { ExitStatus } from '../exit-status.js';
import type { Terminal } from '../terminal.js';
import { commandHelp } from './command-help.js';
import type { HelpRequest } from './help-request.js';

/** Shows the help of a command, or the manual page of jitsu; only the latter needs the core and the plugins. */
export async function showHelp({ format, command }: HelpRequest, terminal: Terminal): Promise<ExitStatus> {
  if (command !== undefined) {
    terminal.out(commandHelp(command, terminal.columns));
    return ExitStatus.ok;
  }
  const { showManual } = await import('./show-manual.js');
  await showManual(format, terminal);
  return ExitStatus.ok;
}
