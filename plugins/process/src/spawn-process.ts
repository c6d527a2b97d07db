import { errorCode, errorMessage, JitsuError, type MachineId } from '@jitsud/core/plugin';
import type { OutputPaths } from './output-log.js';
import type { ProcessPlan } from './process-plan.js';
import type { LiveChild, Spawner } from './spawner.js';

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
 * The variables by which systemd informs Jitsu, and which must not reach the programs that it runs (sd_notify(3),
 * sd_listen_fds(3)).
 */
const SYSTEMD_VARIABLES = [
  'NOTIFY_SOCKET',
  'WATCHDOG_PID',
  'WATCHDOG_USEC',
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
  'MAINPID',
];

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
  const env = environmentOf(plan, marks);
  try {
    return await spawner.spawn({
      ...{ program, argv0, words, cwd, env, stdout, stderr },
      ...(account && { account: { uid: account.uid, gid: account.gid } }),
    });
  } catch (error) {
    throw startFailed(plan, error);
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

/** The environment of a unikernel's process. */
function environmentOf(plan: ProcessPlan, marks: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !SYSTEMD_VARIABLES.includes(name));
  const environment: NodeJS.ProcessEnv = Object.fromEntries(inherited);
  const { name, home } = plan.account ?? {};
  if (name !== undefined) Object.assign(environment, { USER: name, LOGNAME: name });
  if (home !== undefined) environment.HOME = home;
  return { ...environment, ...plan.env, ...marks };
}
