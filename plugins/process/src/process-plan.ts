import {
  errorMessage,
  findTool,
  JitsuError,
  type ControlGroupFolder,
  type ControlLimits,
  type Launch,
  type Registration,
  type MachineId,
} from '@jitsud/core/plugin';
import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import type { ProcessOptions } from './process-options.js';
import type { ProgramFinder } from './program-finder.js';
import type { UserAccount } from './user-accounts.js';

/** What few unikernels have: what their programs may not do, or have beyond the others. */
export type Confinement = Pick<Launch, 'groups' | 'umask' | 'files' | 'control' | 'newPrivileges' | 'environmentFile'>;

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
  readonly confinement?: Confinement | undefined;
}

/** What is found on this machine for the options of a process. */
export interface Findings {
  /** The account of its user; undefined where there is none. */
  readonly user?: UserAccount | undefined;
  /** The numbers of its groups, in their order; undefined for one that there is not. */
  readonly groups?: readonly (number | undefined)[] | undefined;
  /** Where its control group can be made, or the reason why nowhere, where its limits need one. */
  readonly control?: ControlGroupFolder | string | undefined;
}

/**
 * Checks a registration against this machine.
 * @throws JITSU_UNIKERNEL_INVALID with every problem
 */
export function planProcess(
  id: MachineId,
  { name, options }: Registration<ProcessOptions>,
  programs: ProgramFinder,
  { user, groups, control }: Findings = {},
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

  if (typeof control === 'string') problems.push(`limits: ${control.replace(/\.$/, '')}`);
  const folder = typeof control === 'object' ? control : undefined;
  const confinement = confinementOf(options, groups, controlOf(id, options, folder), problems);
  if (problems.length > 0 || 'problem' in found) {
    throw new JitsuError('JITSU_UNIKERNEL_INVALID', `The process of ${name} cannot be run. ${problems.join('; ')}.`);
  }
  const { command: words, env } = options;
  return { id, name, program: found.path, words, cwd, env, account, ...(confinement && { confinement }) };
}

function confinementOf(
  { groups: named = [], umask, limits, noNewPrivileges, environmentFile }: ProcessOptions,
  groups: readonly (number | undefined)[] = [],
  control: ControlLimits | undefined,
  problems: string[],
): Confinement | undefined {
  const confinement = {
    ...(named.length > 0 && { groups: groups.filter((group) => group !== undefined) }),
    ...(umask !== undefined && { umask }),
    ...(limits?.files !== undefined && { files: limits.files }),
    ...(control && { control }),
    ...(!noNewPrivileges && { newPrivileges: true }),
    ...(environmentFile !== undefined && { environmentFile: resolve(environmentFile) }),
  };
  for (const [index, group] of named.entries()) {
    if (groups[index] === undefined) problems.push(`groups: there is no group '${group}'`);
  }
  const needs = (option: string, tool: string): void => {
    if (findTool(tool) === undefined) problems.push(`${option}: it needs ${tool}, which util-linux has`);
  };
  if (named.length > 0) {
    needs('groups', 'setpriv');
    if (process.getuid?.() !== 0) problems.push('groups: only root may give a program groups');
  }
  if (limits?.files !== undefined) needs('limits', 'prlimit');
  if (limits?.files !== undefined || control !== undefined) needs('limits', 'setpriv');
  if (confinement.environmentFile !== undefined) {
    try {
      accessSync(confinement.environmentFile, constants.R_OK);
    } catch (error) {
      problems.push(`environmentFile: it cannot be read: ${errorMessage(error)}`);
    }
  }
  return Object.keys(confinement).length === 0 ? undefined : confinement;
}

function controlOf(
  id: MachineId,
  { limits: { memory, cpu, processes } = {} }: ProcessOptions,
  found: ControlGroupFolder | undefined,
): ControlLimits | undefined {
  if (found === undefined) return undefined;
  return { ...found, group: `unikernel-${id}`, memory, cpu, processes };
}
