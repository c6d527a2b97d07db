import { CommanderError } from 'commander';
import type { CommandLine } from './command-line.js';
import { isCommandName } from './help/command-summaries.js';
import { createProgram } from './program.js';
import { UsageError } from './usage-error.js';

/**
 * Reads the arguments.
 * @throws UsageError for what they should not say
 */
export function parse(arguments_: readonly string[]): CommandLine {
  let understood: CommandLine | undefined;
  const program = createProgram((line) => {
    understood = line;
  });
  // Commander would print its complaint and end the process.
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ writeErr: () => undefined });
  }
  const [first = ''] = arguments_;
  const name = isCommandName(first) ? first : 'start';
  try {
    program.parse(arguments_, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UsageError(error.message.replace(/^error: /, ''), name);
  }
  if (understood === undefined) throw new UsageError('That is no command line of jitsu.');
  return understood;
}
