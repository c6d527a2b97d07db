import type { PluginCommand } from '@jitsud/core';
import { Command, CommanderError, Option } from 'commander';
import type { Core } from '../core.js';
import { ExitStatus } from '../exit-status.js';
import { helpText } from '../help/command-help.js';
import { commandSummaries } from '../help/command-summaries.js';
import { helpRequest } from '../help/help-request.js';
import { loadCore } from '../load-core.js';
import { reasonText } from '../output/plugin-list.js';
import { printable } from '../output/printable.js';
import { processEnd } from '../process-end.js';
import { debugOption, helpOption } from '../program.js';
import type { Terminal } from '../terminal.js';
import { UsageError } from '../usage-error.js';

/**
 * Runs a command of an installed plugin. The first SIGINT or SIGTERM ends it in order.
 * @throws UsageError if no plugin has the command, and for unknown flags
 */
export async function pluginCommand([name = '', ...words]: readonly string[], terminal: Terminal): Promise<ExitStatus> {
  const core = await loadCore();
  const commands = await core.pluginCommands({ directory: process.cwd() });
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const names = [...Object.keys(commandSummaries), ...commands.map((candidate) => candidate.name)];
    throw new UsageError(await noSuchCommand(name, names, core));
  }
  const grammar = grammarOf(command);
  if (helpRequest(words) !== undefined) {
    terminal.out(helpText(grammar, `jitsu ${name}`, terminal.columns));
    return ExitStatus.ok;
  }
  const flags = read(grammar, name, words);
  const end = new AbortController();
  const logger = core.createLogger({ level: 'info' });
  void processEnd.requested(logger).then(() => end.abort());
  await command.run(flags, terminal, end.signal);
  return ExitStatus.ok;
}

/** Names the plugins that cannot be used, too: what commands they have is not known. */
async function noSuchCommand(name: string, names: readonly string[], core: Core): Promise<string> {
  const meant = core.nearestWord(name, names);
  const advice = meant === undefined ? '' : ` Did you mean '${meant}'?`;
  const { plugins } = await core.loadRegistry({ directory: process.cwd() });
  const unusable = plugins.flatMap(({ name: plugin, error }) =>
    error === undefined ? [] : [`\nIt may be one of ${printable(plugin)}, which cannot be used: ${reasonText(error)}`],
  );
  return `There is no command '${name}'.${advice} Commands: ${names.join(', ')}.${unusable.join('')}`;
}

function grammarOf({ name, description, options }: PluginCommand): Command {
  const grammar = new Command(`jitsu ${name}`).description(`${description}.`).helpOption(false);
  for (const { word, type, default: standard, description: meaning } of options) {
    const flag = `--${word.replaceAll('_', '-')}`;
    const value = type === 'boolean' ? '' : ` <${word.toUpperCase()}>`;
    const absent = standard === undefined || type === 'boolean' ? '' : ` (${standard.replace(/^"(.*)"$/, '$1')})`;
    grammar.addOption(new Option(`${flag}${value}`, `${asSentence(meaning)}${absent}`));
  }
  return grammar
    .option(...helpOption)
    .option(...debugOption)
    .allowExcessArguments(false);
}

function asSentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}

function read(grammar: Command, name: string, words: readonly string[]): Readonly<Record<string, string | true>> {
  grammar.exitOverride().configureOutput({ writeErr: () => undefined });
  try {
    return grammar.parse(words, { from: 'user' }).opts();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UsageError(error.message.replace(/^error: /, ''), name);
  }
}
