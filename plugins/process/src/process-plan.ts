import { JitsuError, type Registration, type MachineId } from '@jitsud/core/plugin';
import { resolve } from 'node:path';
import type { ProcessOptions } from './process-options.js';
import type { ProgramFinder } from './program-finder.js';
import type { UserAccount } from './user-accounts.js';

/** Everything that is needed to spawn a unikernel's process. */
export interface ProcessPlan {
  readonly id: MachineId;
  readonly name: string;
  readonly program: string;
  /** argv, the program's own name first. */
  readonly words: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly account: UserAccount | undefined;
}

/**
 * Checks a registration against this machine.
 * @param user the account of the user that its options name; undefined where there is none
 * @throws JITSU_UNIKERNEL_INVALID with every problem
 */
export function planProcess(
  id: MachineId,
  { name, options }: Registration<ProcessOptions>,
  programs: ProgramFinder,
  user: UserAccount | undefined,
): ProcessPlan {
  const problems: string[] = [];
  const cwd = options.cwd === undefined ? process.cwd() : resolve(options.cwd);
  if (!programs.isFolder(cwd)) problems.push(`cwd: there is no folder ${cwd}`);
  const found = programs.find(options.command[0], cwd, options.env.PATH);
  if ('problem' in found) problems.push(`command: ${found.problem}`);

  let account: UserAccount | undefined;
  if (options.user !== undefined) {
    account = user;
    const own = process.getuid?.();
    if (account === undefined) problems.push(`user: there is no user '${options.user}'`);
    else if (own !== 0 && own !== account.uid) {
      problems.push(`user: only root may run a program as '${options.user}', and Jitsu runs as user ${own}`);
    }
    if (account?.uid === own) account = undefined;
  }

  if (problems.length > 0 || 'problem' in found) {
    throw new JitsuError('JITSU_UNIKERNEL_INVALID', `The process of ${name} cannot be run. ${problems.join('; ')}.`);
  }
  return { id, name, program: found.path, words: options.command, cwd, env: options.env, account };
}
