import { CommandFailure } from './command-failure.js';
import type { CommandLine } from './command-line.js';
import { errorReport } from './error-report.js';
import { ExitStatus, exitStatusOf } from './exit-status.js';
import { isCommandName } from './help/command-summaries.js';
import { helpRequest, type HelpRequest } from './help/help-request.js';
import { processTerminal, type Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';
import { version } from './version.js';

/**
 * Runs the `jitsu` command with the given arguments (without the program's own name).
 * @returns the exit status
 */
export async function main(arguments_: readonly string[], terminal: Terminal = processTerminal()): Promise<ExitStatus> {
  try {
    const status = await run(arguments_, terminal);
    await terminal.written().catch((error: unknown) => {
      throw new CommandFailure(
        `The results cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
    return status;
  } catch (error) {
    const stack = flagsOf(arguments_).includes('--debug') || ['1', 'true'].includes(process.env['JITSU_DEBUG'] ?? '');
    terminal.err(await forReader(errorReport(error, { stack })));
    return exitStatusOf(error);
  }
}

/** People try all of them. */
const VERSION = ['--version', '-v', '-V'];

/** In systemd's journal each line says that it is an error. */
async function forReader(report: string): Promise<string> {
  if (process.env['JOURNAL_STREAM'] === undefined) return report;
  const { isJournal } = await import('@jitsud/core/control');
  return isJournal(process.stderr.fd) ? report.replace(/^(?=.)/gm, '<3>') : report;
}

async function run(arguments_: readonly string[], terminal: Terminal): Promise<ExitStatus> {
  const flags = flagsOf(arguments_);
  if (flags.some((flag) => VERSION.includes(flag))) {
    terminal.out(`jitsu ${version()}\n`);
    return ExitStatus.ok;
  }
  const words = arguments_.filter((argument) => argument !== '--debug');
  if (mayBePluginCommand(words[0])) {
    const { pluginCommand } = await import('./commands/plugin-command.js');
    return pluginCommand(words, terminal);
  }
  const wanted = helpRequest(flags);
  if (wanted !== undefined) {
    await showHelp(wanted, terminal);
    return ExitStatus.ok;
  }
  const [line, { execute }] = await Promise.all([parseWords(words), import('./execute.js')]);
  return execute(line, terminal);
}

/** Shows the help of a command, or the manual page of jitsu; only the latter may need the core and the plugins. */
async function showHelp({ format, command }: HelpRequest, terminal: Terminal): Promise<void> {
  if (command === undefined) {
    const { showManual } = await import('./help/show-manual.js');
    return showManual(format, terminal);
  }
  const { commandHelp } = await import('./help/command-help.js');
  terminal.out(commandHelp(command, terminal.columns));
}

/** Parses the arguments. Plugins other than the bundled ones are searched only for an unknown flag. */
async function parseWords(words: readonly string[]): Promise<CommandLine> {
  const { parse } = await import('./parse.js');
  try {
    return parse(words);
  } catch (error) {
    if (!(error instanceof UsageError && error.isUnknownStartFlag)) throw error;
    const { loadCore } = await import('./load-core.js');
    return parse(words, await (await loadCore()).startFlags({ directory: process.cwd() }));
  }
}

/** The arguments before `--`, after which there are no flags. */
function flagsOf(arguments_: readonly string[]): readonly string[] {
  const end = arguments_.indexOf('--');
  return end === -1 ? arguments_ : arguments_.slice(0, end);
}

/** Whether the word may be a plugin's command. It is never taken for a unikernel, since it may be mistyped. */
function mayBePluginCommand(first: string | undefined): boolean {
  return first !== undefined && /^[^-][^=]*$/.test(first) && first !== 'help' && !isCommandName(first);
}
