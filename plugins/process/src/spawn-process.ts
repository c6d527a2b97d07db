import {
  errorCode,
  errorMessage,
  inheritedEnvironment,
  JitsuError,
  minimalEnvironment,
  type Execution,
  type Launch,
  type LaunchSocket,
  type MachineId,
  type Variables,
} from '@jitsud/core/plugin';
import { basename } from 'node:path';
import type { ProcessPlan } from './process-plan.js';
import type { UserAccount } from './user-accounts.js';

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'The program, the interpreter in its first line, or its folder is gone.',
  EACCES: 'The user whom it runs as may not run it or enter its folder.',
  ENOEXEC: 'It is not a program of this kind of machine, or a script whose first line does not say #!.',
  EPERM: 'Jitsu may not run it as that user.',
  E2BIG: 'Its arguments and variables are longer than the system allows.',
  EAGAIN: 'The limit on the number of processes is reached (ulimit -u, or TasksMax in systemd).',
  ENOMEM: 'There is not enough memory.',
};

/** How the process of a plan is launched. @param output the path of its output's files, without their endings */
export function launchOf(
  plan: ProcessPlan,
  inherited: Variables,
  marks: Variables,
  output?: string,
  sockets?: readonly LaunchSocket[],
): Launch {
  const { program, cwd, env, confinement: { listen: _, ...confinement } = {} } = plan;
  const [argv0, ...words] = plan.words;
  const marked = { ...marks, JITSU_COMMAND: commandForm(plan.words) };
  return {
    program,
    argv0,
    words,
    cwd,
    inherited,
    env,
    marks: marked,
    output,
    account: accountOf(plan),
    ...confinement,
    ...(sockets && { sockets }),
  };
}

/** As whom, where and with what runs what looks after a process. Without the marks: it must not be adopted for it. */
export function executionOf(plan: ProcessPlan, inherited: Variables): Execution {
  const { cwd, env, confinement: { listen: _, ...confinement } = {} } = plan;
  return { cwd, inherited, env, account: accountOf(plan), ...confinement };
}

function accountOf({ account }: ProcessPlan): { readonly uid: number; readonly gid: number } | undefined {
  return account && { uid: account.uid, gid: account.gid };
}

/**
 * The `JITSU_BACKEND_FAILED` for a program that could not be started.
 * @param output the path of its output's files, without their endings
 */
export function startFailed(plan: ProcessPlan, error: unknown, output?: string): JitsuError {
  const { path } = error as NodeJS.ErrnoException;
  const advice = ADVICE[errorCode(error) ?? ''] ?? '';
  const what =
    path !== undefined && path === plan.confinement?.environmentFile
      ? `its environmentFile cannot be read: ${errorMessage(error)}.`
      : output !== undefined && path?.startsWith(`${output}.`) === true
        ? `no file can be made for its output: ${errorMessage(error)}. Make room in the runtime folder, or configure another runtimeDirectory.`
        : `${plan.program} in ${plan.cwd}: ${errorMessage(error)}. ${advice}`;
  return new JitsuError('JITSU_BACKEND_FAILED', `${plan.name} cannot be started: ${what}`.trim(), { cause: error });
}

/**
 * The marks of a process of Jitsu, by which it is found even if Jitsu dies before it has saved the pid: these, and the
 * nonce in its record, which nobody else can know before the process runs.
 */
export function marksOf(id: MachineId, runtimeDirectory: string): Readonly<Record<string, string>> {
  return { JITSU_UNIKERNEL: id, JITSU_RUNTIME_DIRECTORY: runtimeDirectory };
}

/**
 * What tells a process from what it starts, which inherits its marks: the name of the program, the number of its
 * arguments, and the characters in them. It is made for each launch, so that nothing is hashed.
 */
export function commandForm(words: readonly string[]): string {
  const [name = '', ...rest] = words;
  return `${basename(name)} ${rest.length} ${rest.reduce((sum, { length }) => sum + length, 0)}`;
}

/**
 * The variables that what runs for a unikernel inherits. Another user gets none of Jitsu's own, which may hold secrets
 * of the user who started it.
 */
export function inheritedBy(account: UserAccount | undefined): Variables {
  const environment = account === undefined ? inheritedEnvironment() : minimalEnvironment();
  const { name, home } = account ?? {};
  if (name !== undefined) Object.assign(environment, { USER: name, LOGNAME: name });
  if (home !== undefined) environment.HOME = home;
  return environment;
}
