import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Execution } from '../contracts/machine.js';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { errorMessage, JitsuError } from '../errors.js';
import { userEnvironment } from '../plugin-kit/child-environment.js';
import { commandLine } from '../plugin-kit/command-line.js';
import { pollUntil } from '../plugin-kit/poll-until.js';
import { Spawner, type LiveChild } from '../plugin-kit/spawner.js';
import { inject, optionsOf } from '../plugins/injection.js';
import { CLOCK } from '../plugins/tokens.js';

export const probeCommand = commandLine('The command');

/** How long one attempt may take before it is ended, and counts as a failed one. */
const ATTEMPT_LIMIT: Milliseconds = 30_000;

/**
 * The processes that spawn the commands, without and with the right to new privileges; made on first use. The backend
 * of processes has one of its own: it would be told of each command that a process has ended, and look at all of its.
 */
const spawners: [plain?: Spawner, privileged?: Spawner] = [];

/** Looks, for each attempt under way, whether its end can still be reported. */
const attempts = new Set<() => void>();

/**
 * Ready when a command exits with status 0: `ready=exec:COMMAND`. Its environment has the unikernel's name, id and
 * addresses (separated by spaces) as JITSU_NAME, JITSU_ID and JITSU_ADDRESSES. It runs as the unikernel's user, in its
 * folder, with its variables and limits, where the unikernel is a process, and otherwise as Jitsu with few of its
 * variables. What an attempt leaves behind in its process group is ended.
 * @throws JITSU_UNIKERNEL_INVALID if the command cannot be run at all
 */
export class ExecProbe implements ReadinessProbe {
  constructor(
    @inject(optionsOf(probeCommand)) private readonly command: readonly string[],
    @inject(CLOCK) private readonly clock: Clock,
  ) {}

  async untilReady(target: ReadinessTarget, signal: AbortSignal): Promise<void> {
    let execution: Execution | undefined;
    const attempt = (): Promise<boolean> => {
      execution ??= target.execution?.() ?? { cwd: process.cwd(), env: userEnvironment() };
      return this.#succeeds(target, execution, signal);
    };
    await pollUntil(attempt, this.clock, signal);
  }

  async #succeeds(target: ReadinessTarget, execution: Execution, signal: AbortSignal): Promise<boolean> {
    const child = await this.#spawn(target, execution);
    if (child === undefined) return false;
    const end = (): void => killGroup(child.pid);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    const limit = this.clock.after(ATTEMPT_LIMIT, end);
    let look = (): void => undefined;
    const lost = new Promise<boolean>((resolve) => {
      look = () => {
        if (child.told) return;
        end();
        resolve(false);
      };
    });
    attempts.add(look);
    try {
      return await Promise.race([child.exited.then(({ status }) => status === 0), lost]);
    } finally {
      attempts.delete(look);
      limit[Symbol.dispose]();
      signal.removeEventListener('abort', end);
    }
  }

  /** `undefined` where the process that spawns has ended meanwhile: the next attempt makes another. */
  async #spawn({ name, id, addresses }: ReadinessTarget, execution: Execution): Promise<LiveChild | undefined> {
    const [program = '', ...words] = this.command;
    const { cwd, env, account, groups, umask, files, newPrivileges = false } = execution;
    const spawner = spawnerFor(newPrivileges);
    try {
      return await spawner.spawn({
        ...{ program, argv0: program, words, cwd, groups, umask, files, temporary: true },
        env: { ...env, JITSU_NAME: name, JITSU_ID: id, JITSU_ADDRESSES: addresses.join(' ') },
        ...(account && { account }),
      });
    } catch (error) {
      if (spawner.hasEnded) return undefined;
      const message = `The readiness probe of ${name}, "exec:${this.command.join(' ')}", cannot be run: ${errorMessage(error)}.`;
      throw new JitsuError('JITSU_UNIKERNEL_INVALID', message, { cause: error });
    }
  }
}

function spawnerFor(newPrivileges: boolean): Spawner {
  const index = newPrivileges ? 1 : 0;
  const spawner = spawners[index];
  if (spawner !== undefined && !spawner.hasEnded) return spawner;
  return (spawners[index] = new Spawner(lookAtAttempts, !newPrivileges));
}

function lookAtAttempts(): void {
  for (const look of attempts) look();
}

/** Kills the command's process group; it may have ended already. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
