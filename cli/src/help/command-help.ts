import type { Command, Option } from 'commander';
import { createProgram } from '../program.js';
import { commandExamples, type CommandName } from './command-summaries.js';

const WORDS =
  'Each word describes a unikernel: dns=a.test,ip=127.0.0.9,name=a,KEY=VALUE…\n' +
  'The keys of every installed backend: jitsu --help\n';

/** The help of one of Jitsu's own commands. */
export function commandHelp(name: CommandName, columns?: number): string {
  const command = createProgram(() => undefined).commands.find((candidate) => candidate.name() === name);
  if (command === undefined) throw new Error(`There is no command ${name}.`);
  return helpText(command, commandExamples[name], columns, name === 'start' || name === 'check' ? WORDS : undefined);
}

/** The form of every command's help: its usage, a sentence, its arguments and flags, and an example. */
export function helpText(command: Command, example: string, columns = 80, remark?: string): string {
  // The descriptions name the defaults themselves, also those that depend on the configuration.
  const optionDescription = ({ description }: Option): string => description;
  const text = command.configureHelp({ helpWidth: Math.min(columns, 80), optionDescription }).helpInformation();
  return `${text}${remark === undefined ? '' : `\n${remark}`}\nExample:\n  ${example}\n`;
}
