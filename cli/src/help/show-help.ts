import { CommandFailure } from '../command-failure.js';
import { loadCore } from '../load-core.js';
import { ExitStatus } from '../exit-status.js';
import { createProgram } from '../program.js';
import type { Terminal } from '../terminal.js';
import { version } from '../version.js';
import { groffManual } from './groff-manual.js';
import type { HelpRequest } from './help-request.js';
import { manual } from './manual.js';
import { throughPager } from './pager.js';
import { plainManual } from './plain-manual.js';

/** Shows the help of a command, or the manual page of jitsu. */
export async function showHelp({ format, command }: HelpRequest, terminal: Terminal): Promise<ExitStatus> {
  if (command !== undefined) {
    terminal.out(commandHelp(command, terminal.columns));
    return ExitStatus.ok;
  }
  const page = await manualPage();
  if (format === 'groff') {
    terminal.out(groffManual(page));
    return ExitStatus.ok;
  }
  const text = plainManual(page, terminal.columns);
  const isShown = format === 'pager' && terminal.interactive && (await throughPager(text));
  if (!isShown) terminal.out(text);
  return ExitStatus.ok;
}
