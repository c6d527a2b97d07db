import type { NamedStartFlag } from '@jitsud/core';
import { CommanderError } from 'commander';
import type { CommandLine } from './command-line.js';
import { isCommandName } from './help/command-summaries.js';
import { createProgram } from './program.js';
import { UsageError } from './usage-error.js';

/**
 * Parses the arguments.
 * @param startFlags the `jitsu start` flags of plugins; defaults to those of the bundled plugins
 * @throws UsageError for invalid arguments
 */
export function parse(arguments_: readonly string[], startFlags?: readonly NamedStartFlag[]): CommandLine {
  let understood: CommandLine | undefined;
  const program = createProgram((line) => {
    understood = line;
  }, startFlags);
  // By default, commander prints its message and ends the process.
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ writeErr: () => undefined });
  }
  const [first = ''] = arguments_;
  const name = isCommandName(first) ? first : 'start';
  try {
    program.parse(arguments_, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isUnknownStartFlag = error.code === 'commander.unknownOption' && (name === 'start' || name === 'check');
    throw new UsageError(
      `${error.message.replace(/^error: /, '')}${adviceOn(error, arguments_)}`,
      name,
      isUnknownStartFlag,
    );
  }
  if (understood === undefined) throw new UsageError('That is no command line of jitsu.');
  return understood;
}

/** A flag behind words for a unikernel is most likely one of the program that they name. */
function adviceOn({ code, message }: CommanderError, arguments_: readonly string[]): string {
  if (code !== 'commander.unknownOption') return '';
  const flag = /'(.+?)'/.exec(message)?.[1] ?? '';
  const words = arguments_.slice(0, Math.max(0, arguments_.indexOf(flag)));
  return words.some((word) => /^\w+=/.test(word))
    ? `. If it is part of a unikernel's command, put the whole word in quotes: 'dns=…,command=… ${flag} …'`
    : '';
}
