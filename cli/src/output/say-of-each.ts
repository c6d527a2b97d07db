import type { GroupReport } from '@jitsud/core/control';
import { CommandFailure } from '../command-failure.js';
import type { Terminal } from '../terminal.js';

/**
 * Prints what was done to each unikernel of a group.
 * @param done completes the sentence "… could not be …"
 * @throws CommandFailure with what went wrong with those to which it was not done
 */
export function sayOfEach<Report>(
  group: string,
  { unikernels, failures }: GroupReport<Report>,
  terminal: Pick<Terminal, 'out'>,
  done: string,
  said: (report: Report) => string,
): void {
  for (const unikernel of unikernels) terminal.out(said(unikernel));
  if (failures.length === 0) return;
  const each = failures.map(({ unikernel, code, message }) => `\n  - ${unikernel}: ${message} (${code})`);
  const all = unikernels.length + failures.length;
  throw new CommandFailure(`${failures.length} of ${all} in the group ${group} could not be ${done}:${each.join('')}`);
}
