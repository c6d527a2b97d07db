import { spawn } from 'node:child_process';
import type { Clock } from '../contracts/clock.js';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { errorMessage, JitsuError } from '../errors.js';
import { commandLine } from '../plugin-kit/command-line.js';
import { inject, optionsOf } from '../plugins/injection.js';
import { CLOCK } from '../plugins/tokens.js';
import { pollUntil } from '../plugin-kit/poll-until.js';

export const probeCommand = commandLine('The command');

/**
 * Ready when a command exits with status 0: `ready=exec:COMMAND`. Its environment has the unikernel's name, id and
 * addresses (separated by spaces) as JITSU_NAME, JITSU_ID and JITSU_ADDRESSES.
 * @throws JITSU_UNIKERNEL_INVALID if the command cannot be run at all
 */
export class ExecProbe implements ReadinessProbe {
  constructor(
    @inject(optionsOf(probeCommand)) private readonly command: readonly string[],
    @inject(CLOCK) private readonly clock: Clock,
  ) {}

  untilReady(target: ReadinessTarget, signal: AbortSignal): Promise<void> {
    return pollUntil(() => this.#succeeds(target, signal), this.clock, signal);
  }

  #succeeds({ name, id, addresses }: ReadinessTarget, signal: AbortSignal): Promise<boolean> {
    const [program = '', ...parameters] = this.command;
    return new Promise((resolve, reject) => {
      const child = spawn(program, parameters, {
        stdio: 'ignore',
        detached: true,
        env: { ...process.env, JITSU_NAME: name, JITSU_ID: id, JITSU_ADDRESSES: addresses.join(' ') },
      });
      const onAbort = (): void => killGroup(child.pid);
      signal.addEventListener('abort', onAbort, { once: true });
      child.on('error', (error) => {
        signal.removeEventListener('abort', onAbort);
        const words = this.command.join(' ');
        const message = `The readiness probe of ${name}, "exec:${words}", cannot be run: ${errorMessage(error)}.`;
        reject(new JitsuError('JITSU_UNIKERNEL_INVALID', message, { cause: error }));
      });
      child.on('exit', (status) => {
        signal.removeEventListener('abort', onAbort);
        resolve(status === 0);
      });
    });
  }
}

/** Kills the command's process group; it may have ended already. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
