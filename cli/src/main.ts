import { errorReport } from './error-report.js';
import { ExitStatus, exitStatusOf } from './exit-status.js';
import { commandSummaries, isCommandName } from './help/command-summaries.js';
import { helpRequest } from './help/help-request.js';
import { processTerminal, type Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';
import { version } from './version.js';

/**
 * The `jitsu` command: does what the arguments (without the program's own name) say.
 * @returns the exit status
 */
export async function main(arguments_: readonly string[], terminal: Terminal = processTerminal()): Promise<ExitStatus> {
  try {
    return await run(arguments_, terminal);
  } catch (error) {
    const stack = flagsOf(arguments_).includes('--debug') || ['1', 'true'].includes(process.env['JITSU_DEBUG'] ?? '');
    terminal.err(errorReport(error, { stack }));
    return exitStatusOf(error);
  }
}

async function run(arguments_: readonly string[], terminal: Terminal): Promise<ExitStatus> {
  const flags = flagsOf(arguments_);
  if (flags.includes('--version')) {
    terminal.out(`jitsu ${version()}\n`);
    return ExitStatus.ok;
  }
  const wanted = helpRequest(flags);
  if (wanted !== undefined) {
    const { showHelp } = await import('./help/show-help.js');
    return showHelp(wanted, terminal);
  }
  const words = arguments_.filter((argument) => argument !== '--debug');
  refuseUnknownCommand(words);
  const { parse } = await import('./parse.js');
  const { execute } = await import('./execute.js');
  return execute(parse(words), terminal);
}

/** What follows `--` is no flag. */
function flagsOf(arguments_: readonly string[]): readonly string[] {
  const end = arguments_.indexOf('--');
  return end === -1 ? arguments_ : arguments_.slice(0, end);
}

/** A mistyped command would else be taken for a word of the default command, whose complaint helps nobody. */
function refuseUnknownCommand([first]: readonly string[]): void {
  if (first === undefined || first.startsWith('-') || first.includes('=') || isCommandName(first)) return;
  const commands = Object.keys(commandSummaries).join(', ');
  throw new UsageError(`There is no command '${first}'. Commands: ${commands}.`);
}
