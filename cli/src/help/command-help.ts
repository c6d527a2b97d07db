import { createProgram } from '../program.js';
import type { CommandName } from './command-summaries.js';

/** The help of one command: its usage and its flags. */
export function commandHelp(name: CommandName, columns = 80): string {
  const command = createProgram(() => undefined).commands.find((candidate) => candidate.name() === name);
  if (command === undefined) throw new Error(`There is no command ${name}.`);
  const text = command.configureHelp({ helpWidth: Math.min(columns, 80) }).helpInformation();
  const further =
    name === 'start' || name === 'check'
      ? '\nEach word describes a unikernel: dns=a.test,ip=127.0.0.9,name=a,KEY=VALUE…\nThe keys of every installed backend: jitsu --help\n'
      : '';
  return `${text}${further}`;
}
