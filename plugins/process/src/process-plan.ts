import {
  errorCode,
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
import { endpointWords, listenEndpoints, MOST_SOCKETS, type ListenOption } from './listen-option.js';
import type { ProcessOptions } from './process-options.js';
import type { ProgramFinder } from './program-finder.js';
import type { UserAccount } from './user-accounts.js';

/** What few unikernels have: what their programs may not do, or have beyond the others. */
export type Confinement = Pick<
  Launch,
  'groups' | 'umask' | 'files' | 'control' | 'newPrivileges' | 'environmentFile'
> & {
  /** The sockets that it is started with. */
  readonly listen?: readonly ListenOption[];
};

/** Everything that is needed to spawn a unikernel's process. */
export interface ProcessPlan {
  readonly id: MachineId;
  readonly name: string;
  /** A path; a name to look up at each start where it was nowhere yet. */
  readonly program: string;
  /** argv, the program's own name first. */
  readonly words: readonly [string, ...string[]];
  readonly cwd: string;
  /** Whether that is configured; otherwise it is where Jitsu was started. */
  readonly hasOwnCwd?: true;
  readonly env: Readonly<Record<string, string>>;
  readonly account: UserAccount | undefined;
  readonly confinement?: Confinement | undefined;
  /** The configured addresses of the unikernel. */
  readonly ip?: readonly string[] | undefined;
}

/** How to run a process, and why not for now, where its program, its folder or a file that it needs is not there. */
export interface PlannedProcess {
  readonly plan: ProcessPlan;
  readonly absence?: JitsuError;
}

/** What is found on this machine for the options of a process. */
export interface Findings {
  /** The account of its user; undefined where there is none. */
  readonly user?: UserAccount | undefined;
  /** The numbers of its groups, in their order; undefined for one that there is not. */
  readonly groups?: readonly (number | undefined)[] | undefined;
  /** Where its control group can be made, or the reason why nowhere, where its limits need one. */
  readonly control?: ControlGroupFolder | string | undefined;
  /**
   * The user who starts programs. Where it is another one than Jitsu's, what Jitsu may not look at is taken for there: a
   * start says it if not.
   */
  readonly starter?: number | undefined;
}

/**
 * Checks a registration against this machine.
 * @throws JITSU_UNIKERNEL_INVALID with every problem, where any of them will not pass by itself
 */
export function planProcess(
  id: MachineId,
  { name, options, addresses: ip }: Registration<ProcessOptions>,
  programs: ProgramFinder,
  { user, groups, control, starter = process.getuid?.() }: Findings = {},
): PlannedProcess {
  const problems: string[] = [];
  const missing = new Set<string>();
  const lack = (problem: string): void => {
    missing.add(problem);
    problems.push(problem);
  };
  const cwd = options.cwd === undefined ? process.cwd() : resolve(options.cwd);
  const seesAll = starter === process.getuid?.();
  const isFolder = programs.isFolder(cwd);
  if (isFolder === false || (isFolder === 'barred' && seesAll)) lack(`cwd: there is no folder ${cwd}`);
  const found = programs.find(options.command[0], cwd, options.env.PATH);
  if ('problem' in found && (seesAll || !found.isBarred)) {
    const problem = `command: ${found.problem}`;
    if (found.isMissing) lack(problem);
    else problems.push(problem);
  }

  let account: UserAccount | undefined;
  if (options.user !== undefined) {
    account = user;
    if (account === undefined) problems.push(`user: there is no user '${options.user}'`);
    else if (starter !== 0 && starter !== account.uid) {
      problems.push(`user: only root may run a program as '${options.user}', and Jitsu runs as user ${starter}`);
    }
    if (account?.uid === starter) account = undefined;
  }

  if (typeof control === 'string') problems.push(`limits: ${control.replace(/\.$/, '')}`);
  if (options.listen !== undefined) problems.push(...listenProblems(options.listen, ip ?? []));
  const folder = typeof control === 'object' ? control : undefined;
  const confinement = confinementOf(options, groups, controlOf(id, options, folder), { problems, lack, starter });
  const inWords = `The process of ${name} cannot be run. ${problems.join('; ')}.`;
  if (problems.length > missing.size) throw new JitsuError('JITSU_UNIKERNEL_INVALID', inWords);
  const { command: words, env } = options;
  const program = 'problem' in found ? (found.expectedAt ?? words[0]) : found.path;
  const plan = {
    ...{ id, name, program, words, cwd, env, account },
    ...(options.cwd !== undefined && { hasOwnCwd: true as const }),
    ...(ip && { ip }),
    ...(confinement && { confinement }),
  };
  return missing.size === 0 ? { plan } : { plan, absence: new JitsuError('JITSU_UNIKERNEL_UNAVAILABLE', inWords) };
}

function confinementOf(
  { groups: named = [], umask, limits, noNewPrivileges, environmentFile, listen }: ProcessOptions,
  groups: readonly (number | undefined)[] = [],
  control: ControlLimits | undefined,
  {
    problems,
    lack,
    starter,
  }: {
    readonly problems: string[];
    readonly lack: (problem: string) => void;
    readonly starter: number | undefined;
  },
): Confinement | undefined {
  const confinement = {
    ...(named.length > 0 && { groups: groups.filter((group) => group !== undefined) }),
    ...(umask !== undefined && { umask }),
    ...(limits?.files !== undefined && { files: limits.files }),
    ...(control && { control }),
    ...(!noNewPrivileges && { newPrivileges: true }),
    ...(environmentFile !== undefined && { environmentFile: resolve(environmentFile) }),
    ...(listen && { listen }),
  };
  for (const [index, group] of named.entries()) {
    if (groups[index] === undefined) problems.push(`groups: there is no group '${group}'`);
  }
  const needs = (option: string, tool: string): void => {
    if (findTool(tool) === undefined) problems.push(`${option}: it needs ${tool}, which util-linux has`);
  };
  if (named.length > 0) {
    needs('groups', 'setpriv');
    if (starter !== 0) problems.push('groups: only root may give a program groups');
  }
  if (limits?.files !== undefined) needs('limits', 'prlimit');
  if (limits?.files !== undefined || control !== undefined) needs('limits', 'setpriv');
  if (confinement.environmentFile !== undefined) {
    try {
      accessSync(confinement.environmentFile, constants.R_OK);
    } catch (error) {
      const problem = `environmentFile: it cannot be read: ${errorMessage(error)}`;
      const code = errorCode(error);
      if (code === 'ENOENT') lack(problem);
      else if (code !== 'EACCES' || starter === process.getuid?.()) problems.push(problem);
    }
  }
  return Object.keys(confinement).length === 0 ? undefined : confinement;
}

function listenProblems(listen: readonly ListenOption[], addresses: readonly string[]): readonly string[] {
  const problems: string[] = [];
  if (addresses.length === 0 && listen.some(({ address }) => address === undefined)) {
    problems.push("listen: the unikernel has no address: give it one by 'ip', or write tcp:ADDRESS:PORT");
  }
  const all = listenEndpoints(listen, addresses).map(endpointWords);
  const twice = all.find((each, index) => all.indexOf(each) !== index);
  if (twice !== undefined) problems.push(`listen: ${twice} is there twice`);
  if (all.length > MOST_SOCKETS) problems.push(`listen: ${all.length} sockets are more than ${MOST_SOCKETS}`);
  return problems;
}

function controlOf(
  id: MachineId,
  { limits: { memory, cpu, processes } = {} }: ProcessOptions,
  found: ControlGroupFolder | undefined,
): ControlLimits | undefined {
  if (found === undefined) return undefined;
  return { ...found, group: `unikernel-${id}`, memory, cpu, processes };
}
