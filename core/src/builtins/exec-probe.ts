import type { Clock } from '../contracts/clock.js';
import type { Exit, Spawner } from '../contracts/spawner.js';
import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import { commandLine } from '../plugin-kit/command-line.js';
import { pollUntil } from '../plugin-kit/poll-until.js';
import { UnikernelCommand } from '../plugin-kit/unikernel-command.js';
import { inject, optionsOf } from '../plugins/injection.js';
import { CLOCK, SPAWNER } from '../plugins/tokens.js';

export const probeCommand = commandLine('The command');

/**
 * Ready when a command exits with status 0: `ready=exec:COMMAND`. It runs as a {@link UnikernelCommand} does.
 * @throws JITSU_UNIKERNEL_INVALID if the command cannot be run at all
 */
export class ExecProbe implements ReadinessProbe {
  readonly #command: UnikernelCommand;

  constructor(
    @inject(optionsOf(probeCommand)) command: readonly string[],
    @inject(CLOCK) private readonly clock: Clock,
    @inject(SPAWNER) spawner: Spawner,
  ) {
    this.#command = new UnikernelCommand('exec', command, clock, spawner);
  }

  allow(target: ReadinessTarget): void {
    this.#command.allow(target);
  }

  async untilReady(target: ReadinessTarget, signal: AbortSignal): Promise<void> {
    await pollUntil(() => this.#succeeds(target, signal), this.clock, signal);
  }

  async #succeeds(target: ReadinessTarget, signal: AbortSignal): Promise<boolean> {
    const exit = await this.#run(target, signal);
    if (exit === undefined) return false;
    const { status } = exit;
    target.report?.(status === undefined ? 'was ended before it was done' : `ended with status ${status}`);
    return status === 0;
  }

  async #run(target: ReadinessTarget, signal: AbortSignal): Promise<Exit | undefined> {
    try {
      return await this.#command.run(target, signal);
    } catch (error) {
      if (errorCode(error)?.startsWith('JITSU_') === true) throw error;
      const message = `The readiness probe of ${target.name}, "exec:${this.#command.words.join(' ')}", cannot be run: ${errorMessage(error)}. Correct its ready: probe, or install what it runs.`;
      throw new JitsuError('JITSU_UNIKERNEL_INVALID', message, { cause: error });
    }
  }
}
