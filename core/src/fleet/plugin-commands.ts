import { SystemClock } from '../clock.js';
import { ConfigProblems } from '../config/config-problems.js';
import { checkOptions } from '../config/option-check.js';
import { describeOptions, type OptionDescription } from '../config/json-schema.js';
import { flagOf } from '../config/key-case.js';
import type { CommandTerminal } from '../contracts/command.js';
import type { Logger } from '../contracts/logger.js';
import type { CommandContribution } from '../contracts/plugin.js';
import { makeCommand } from './instances.js';
import type { Contributions } from '../plugins/contributions.js';

/** A command of an installed plugin, ready to be called. */
export interface PluginCommand {
  readonly name: string;
  readonly description: string;
  /** Its flags. */
  readonly options: readonly OptionDescription[];
  /**
   * Runs the command with the flags by their keys, each as text, or true for a flag without a value.
   * @throws JITSU_CONFIG_INVALID for flags that its schema refuses, and the errors of the command
   */
  run(flags: Flags, terminal: CommandTerminal, signal: AbortSignal): Promise<void>;
}

type Flags = Readonly<Record<string, string | true>>;

/** All commands that plugins have registered. */
export function pluginCommands({ commands }: Contributions, logger: Logger): readonly PluginCommand[] {
  return commands.all().map((contribution) => ({
    name: contribution.name,
    description: contribution.description,
    options: describeOptions(contribution.options),
    run: async (flags, terminal, signal) => {
      const options = checkedFlags(contribution, flags);
      const parts = { clock: new SystemClock(), logger: logger.child({ plugin: contribution.name }) };
      await makeCommand(contribution, options, parts).run(terminal, signal);
    },
  }));
}

function checkedFlags({ name, options: schema }: CommandContribution, flags: Flags): unknown {
  const values = Object.fromEntries(Object.entries(flags).map(([key, value]) => [key, String(value)]));
  const checked = checkOptions({ schema, values, pathOf: ([key]) => flagOf(String(key)), areText: true });
  if ('options' in checked) return checked.options;
  throw new ConfigProblems(`jitsu ${name}`, checked.problems);
}
