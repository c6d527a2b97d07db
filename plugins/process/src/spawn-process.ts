import {
  errorCode,
  errorMessage,
  inheritedEnvironment,
  JitsuError,
  minimalEnvironment,
  type LiveChild,
  type MachineId,
  type Spawner,
} from '@jitsud/core/plugin';
import { readFileSync } from 'node:fs';
import type { OutputPaths } from './output-log.js';
import type { ProcessPlan } from './process-plan.js';

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'The program, the interpreter in its first line, or its folder is gone.',
  EACCES: 'The user whom it runs as may not run it or enter its folder.',
  ENOEXEC: 'It is not a program of this kind of machine, or a script whose first line does not say #!.',
  EPERM: 'Jitsu may not run it as that user.',
  E2BIG: 'Its arguments and variables are longer than the system allows.',
  EAGAIN: 'The limit on the number of processes is reached (ulimit -u, or TasksMax in systemd).',
  EMFILE: 'Jitsu has too many files open (ulimit -n, or LimitNOFILE in systemd).',
  ENOMEM: 'There is not enough memory.',
};

/**
 * Runs a program in a session of its own, so that no signal to Jitsu or its terminal reaches it.
 * @throws JITSU_BACKEND_FAILED
 */
export async function spawnProcess(
  plan: ProcessPlan,
  { stdout, stderr }: OutputPaths,
  marks: Readonly<Record<string, string>>,
  spawner: Spawner,
): Promise<LiveChild> {
  const { program, cwd, account } = plan;
  const [argv0, ...words] = plan.words;
  const { groups, umask, files } = plan.confinement ?? {};
  try {
    const env = { ...environmentOf(plan), ...marks };
    return await spawner.spawn({
      ...{ program, argv0, words, cwd, env, stdout, stderr },
      ...(groups && { groups }),
      ...(umask !== undefined && { umask }),
      ...(files !== undefined && { files }),
      ...(account && { account: { uid: account.uid, gid: account.gid } }),
    });
  } catch (error) {
    throw error instanceof JitsuError ? error : startFailed(plan, error);
  }
}

/** The `JITSU_BACKEND_FAILED` for a program that could not be started. */
export function startFailed(plan: ProcessPlan, error: unknown): JitsuError {
  const advice = ADVICE[errorCode(error) ?? ''] ?? '';
  const message = `${plan.name} cannot be started: ${plan.program} in ${plan.cwd}: ${errorMessage(error)}. ${advice}`;
  return new JitsuError('JITSU_BACKEND_FAILED', message.trim(), { cause: error });
}

/**
 * The marks of a process of Jitsu, by which it is found even if Jitsu dies before it has saved the pid. The last one is
 * in its record, and nobody else can know it before the process runs.
 */
export function marksOf(id: MachineId, runtimeDirectory: string, nonce: string): Record<string, string> {
  return { JITSU_UNIKERNEL: id, JITSU_RUNTIME_DIRECTORY: runtimeDirectory, JITSU_SPAWN: nonce };
}

/**
 * The variables of what runs for a unikernel, but for the marks. Another user gets none of Jitsu's own, which may hold
 * secrets of the user who started it.
 * @throws JITSU_BACKEND_FAILED where the file of variables cannot be read
 */
export function environmentOf(plan: ProcessPlan): NodeJS.ProcessEnv {
  const { account, env, confinement } = plan;
  const environment = account === undefined ? inheritedEnvironment() : minimalEnvironment();
  const { name, home } = account ?? {};
  if (name !== undefined) Object.assign(environment, { USER: name, LOGNAME: name });
  if (home !== undefined) environment.HOME = home;
  const file = confinement?.environmentFile;
  return { ...environment, ...env, ...(file !== undefined && readVariables(plan, file)) };
}

/** Read at each start, so that no secret stays in memory. */
function readVariables(plan: ProcessPlan, path: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const message = `${plan.name} cannot be started: its environmentFile cannot be read: ${errorMessage(error)}.`;
    throw new JitsuError('JITSU_BACKEND_FAILED', message, { cause: error });
  }
  return parseVariables(text);
}

/**
 * `KEY=VALUE`, one a line, as systemd.exec(5) has it: empty lines and those that begin with # or ; are passed over, and
 * quotes around a whole value are taken away.
 */
export function parseVariables(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const { name, value = '' } = /^\s*(?![#;])(?<name>[^=\s]+)\s*=\s*(?<value>.*?)\s*$/.exec(line)?.groups ?? {};
    if (name !== undefined && !value.includes('\0')) variables[name] = /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
  }
  return variables;
}
