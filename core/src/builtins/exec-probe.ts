import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Launch, Launchable, LiveChild, Spawner } from '../contracts/spawner.js';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import { userEnvironment } from '../plugin-kit/child-environment.js';
import { commandLine } from '../plugin-kit/command-line.js';
import { pollUntil } from '../plugin-kit/poll-until.js';
import { inject, optionsOf } from '../plugins/injection.js';
import { CLOCK, SPAWNER } from '../plugins/tokens.js';

export const probeCommand = commandLine('The command');

/** How long one attempt may take before it is ended, and counts as a failed one. */
const ATTEMPT_LIMIT: Milliseconds = 30_000;

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
    @inject(SPAWNER) private readonly spawner: Spawner,
  ) {}

  allow(target: ReadinessTarget): void {
    this.spawner.allow(this.#launchable(target));
  }

  async untilReady(target: ReadinessTarget, signal: AbortSignal): Promise<void> {
    const launchable = this.#launchable(target);
    await pollUntil(() => this.#succeeds(target, launchable, signal), this.clock, signal);
  }

  #launchable(target: ReadinessTarget): Launchable {
    const { name } = target;
    const [program = '', ...words] = this.command;
    let known: Launch | undefined;
    return {
      key: `${name} exec:${JSON.stringify(this.command)}`,
      launch: () =>
        (known ??= {
          ...(target.execution?.() ?? { cwd: process.cwd(), env: userEnvironment(), account: 'jitsu' }),
          ...{ program, argv0: program, words, temporary: true, marks: { JITSU_NAME: name } },
        }),
    };
  }

  async #succeeds(target: ReadinessTarget, launchable: Launchable, signal: AbortSignal): Promise<boolean> {
    const child = await this.#spawn(target, launchable);
    if (child === undefined) return false;
    const end = (): void => void this.spawner.signal(child.pid, 'SIGKILL').catch(() => undefined);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    const limit = this.clock.after(ATTEMPT_LIMIT, end);
    try {
      const { status } = await child.exited;
      target.report?.(status === undefined ? 'was ended before it was done' : `ended with status ${status}`);
      // Where its end would not be reported, it may still run.
      if (!child.told) end();
      return status === 0;
    } finally {
      limit[Symbol.dispose]();
      signal.removeEventListener('abort', end);
    }
  }

  /** `undefined` where the process that spawns has ended meanwhile: the next attempt makes another. */
  async #spawn({ name, id, addresses }: ReadinessTarget, launchable: Launchable): Promise<LiveChild | undefined> {
    try {
      return await this.spawner.spawn(launchable, { id, addresses });
    } catch (error) {
      if ((error as { lost?: boolean }).lost === true) return undefined;
      if (errorCode(error)?.startsWith('JITSU_') === true) throw error;
      const message = `The readiness probe of ${name}, "exec:${this.command.join(' ')}", cannot be run: ${errorMessage(error)}.`;
      throw new JitsuError('JITSU_UNIKERNEL_INVALID', message, { cause: error });
    }
  }
}
