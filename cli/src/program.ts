import type { NamedStartFlag } from '@jitsud/core';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { CommandLine, KeepChoice, ResolveChoice, StartChoice, StatusChoice } from './command-line.js';
import type { ControlChoice } from './control-location.js';
import { commandSummaries, type CommandName } from './help/command-summaries.js';
import { KNOWN_START_FLAGS } from './known-plugins.js';
import { pluginOptions, startOptions, type NumberRange } from './start-options.js';

const seconds = { expected: 'A number of seconds', whole: false, from: 0.1, to: 86_400 };
const port = { expected: 'A port number from 1 to 65535', whole: true, from: 1, to: 65_535 };
const count = { expected: 'A whole number from 1 on', whole: true, from: 1, to: Number.MAX_SAFE_INTEGER };

const controlOption = ['--control <PATH>', 'The control socket of the Jitsu that is meant.'] as const;
const configOption = ['--config <FILE>', 'The configuration file of the Jitsu that is meant.'] as const;
const jsonOption = ['--json', 'Print JSON.'] as const;

// These two are handled before parsing, and are declared only for the help.
export const helpOption = ['--help', 'Show this.'] as const;
export const debugOption = ['--debug', 'Show the stack of an error.'] as const;

/**
 * The grammar of the command line. Parsing only calls `onParsed` with the command and its arguments, so that a
 * command's code is loaded only when it is needed.
 *
 * @param startFlags the `jitsu start` flags that plugins declare
 */
export function createProgram(
  onParsed: (line: CommandLine) => void,
  startFlags: readonly NamedStartFlag[] = KNOWN_START_FLAGS,
): Command {
  const program = new Command('jitsu').helpCommand(false);

  const begin = (name: CommandName, arguments_: string, isDefault = false): Command =>
    program
      .command(`${name} ${arguments_}`.trim(), { isDefault })
      .summary(commandSummaries[name])
      .description(`${commandSummaries[name]}.`);

  addStartOptions(begin('start', '[words...]', true), startFlags).action((words: string[], options: StartChoice) => {
    onParsed({ command: 'start', words, options });
  });

  addStartOptions(begin('check', '[words...]'), startFlags)
    .option('--schema', 'Print the JSON schema of the configuration file instead, for editors.')
    .option('--offline', 'Ask no backend: look at the configuration alone.')
    .action((words: string[], options: StartChoice & { schema?: true; offline?: true }) => {
      onParsed({ command: 'check', words, options });
    });

  begin('status', '[name]')
    .addOption(
      new Option('--watch [SECONDS]', 'Show it again and again, each time after so many seconds. (2)').argParser(
        numberValue(seconds),
      ),
    )
    .option('--history [NAME]', 'Show what has happened instead, to this unikernel or to all.')
    .addOption(
      new Option('--limit <COUNT>', 'Show so many of the newest events. (50)')
        .argParser(numberValue(count))
        .default(50),
    )
    .option(...jsonOption)
    .option(...controlOption)
    .option(...configOption)
    .action((name: string | undefined, options: StatusChoice) => {
      onParsed({ command: 'status', ...(name !== undefined && { name }), options });
    });

  begin('summon', '<name>')
    .option(...controlOption)
    .option(...configOption)
    .action((name: string, options: ControlChoice) => {
      onParsed({ command: 'summon', name, options });
    });

  begin('stop', '<name>')
    .option(
      '-m, --mode <MODE>',
      'How to stop it: destroy, suspend, shutdown, or another mode of its backend. (as configured)',
    )
    .option(...controlOption)
    .option(...configOption)
    .action((name: string, options: ControlChoice & { mode?: string }) => {
      onParsed({ command: 'stop', name, options });
    });

  begin('keep', '<name>')
    .addOption(new Option('--for <DURATION>', 'Keep it so long, such as 90m or 2h; 0 to keep it no more.'))
    .addOption(
      new Option('--until <TIME>', "Keep it until then, such as 18:00 or '2026-07-22 18:00'.").conflicts('for'),
    )
    .option(...controlOption)
    .option(...configOption)
    .action((name: string, options: KeepChoice) => {
      onParsed({ command: 'keep', name, options });
    });

  begin('flush', '[name]')
    .option(...controlOption)
    .option(...configOption)
    .action((name: string | undefined, options: ControlChoice) => {
      onParsed({ command: 'flush', ...(name !== undefined && { name }), options });
    });

  begin('resolve', '<name> [type]')
    .option('--server <ADDR[:PORT]>', 'Ask this server. (the running Jitsu, else as configured, else 127.0.0.1:53)')
    .addOption(new Option('--port <PORT>', "The server's port.").argParser(numberValue(port)))
    .option('--tcp', 'Ask over TCP.')
    .addOption(
      new Option('--timeout <SECONDS>', 'Wait so long for an answer, twice over UDP. (15)')
        .argParser(numberValue(seconds))
        .default(15),
    )
    .option(...jsonOption)
    .option(...controlOption)
    .option(...configOption)
    .action((name: string, type: string | undefined, options: ResolveChoice) => {
      onParsed({ command: 'resolve', name, ...(type !== undefined && { type }), options });
    });

  begin('plugins', '')
    .option(...jsonOption)
    .action((options: { json?: true }) => {
      onParsed({ command: 'plugins', options });
    });

  for (const command of program.commands) {
    command
      .helpOption(false)
      .option(...helpOption)
      .option(...debugOption)
      .allowExcessArguments(false);
  }
  return program.helpOption(false);
}

function addStartOptions(command: Command, startFlags: readonly NamedStartFlag[]): Command {
  for (const { flags, description, default: standard, number, repeatable } of [
    ...startOptions,
    ...pluginOptions(startFlags),
  ]) {
    const option = new Option(flags, standard === undefined ? description : `${description} (${standard})`);
    if (number !== undefined) option.argParser(numberValue(number));
    if (repeatable) option.argParser((value: string, before?: readonly string[]) => [...(before ?? []), value]);
    command.addOption(option);
  }
  return command;
}

/** Parses the number of a flag; commander reports a refused value together with the flag. */
function numberValue({ expected, whole, from, to }: NumberRange): (text: string) => number {
  return (text) => {
    const number = /^\d+(\.\d+)?$|^\.\d+$/.test(text.trim()) ? Number(text) : NaN;
    if (number >= from && number <= to && (!whole || Number.isInteger(number))) return number;
    throw new InvalidArgumentError(`${expected} expected.`);
  };
}
