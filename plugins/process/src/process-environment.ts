import type { MachineId } from '@jitsud/core/plugin';
import type { ProcessPlan } from './process-plan.js';

/** What systemd tells Jitsu about itself and must not reach the programs that it runs (sd_notify(3), sd_listen_fds(3)). */
const OURS_ALONE = [
  'NOTIFY_SOCKET',
  'WATCHDOG_PID',
  'WATCHDOG_USEC',
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
  'MAINPID',
];

/** What marks a process as ours, so that it is found even if Jitsu dies before it has written its pid down. */
export function marksOf(id: MachineId, runtimeDirectory: string): Record<string, string> {
  return { JITSU_UNIKERNEL: id, JITSU_RUNTIME_DIRECTORY: runtimeDirectory };
}

/** The environment of a unikernel's process. */
export function environmentOf(plan: ProcessPlan, runtimeDirectory: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !OURS_ALONE.includes(name));
  const environment: NodeJS.ProcessEnv = Object.fromEntries(inherited);
  const { name, home } = plan.account ?? {};
  if (name !== undefined) Object.assign(environment, { USER: name, LOGNAME: name });
  if (home !== undefined) environment.HOME = home;
  return { ...environment, ...plan.env, ...marksOf(plan.id, runtimeDirectory) };
}
