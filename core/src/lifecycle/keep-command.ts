import type { ReadinessTarget } from '../contracts/readiness-probe.js';
import { errorMessage } from '../errors.js';
import { RUN_LIMIT, type UnikernelCommand } from '../plugin-kit/unikernel-command.js';

/** What a command has said of a unikernel that all else would stop. */
export interface CommandAnswer {
  readonly keep: boolean;
  /** Why it could not say anything, as a sentence without its full stop. The unikernel is then kept. */
  readonly problem?: string;
}

/**
 * Asks a command whether a unikernel is to be kept: it is where that ends with status 0, and also where it cannot be run,
 * or does not end by itself.
 */
export class KeepCommand {
  constructor(private readonly command: UnikernelCommand) {}

  /** As it stands in the configuration. */
  get words(): string {
    return `exec:${this.command.words.join(' ')}`;
  }

  /** To be called when the unikernel is registered. @throws the errors of {@link UnikernelCommand.allow} */
  allow(target: ReadinessTarget): void {
    this.command.allow(target);
  }

  /** Never rejects. */
  async ask(target: ReadinessTarget, signal: AbortSignal): Promise<CommandAnswer> {
    try {
      const exit = await this.command.run(target, signal);
      if (exit?.status !== undefined) return { keep: exit.status === 0 };
      const limit = `${RUN_LIMIT / 1_000} s`;
      const problem = exit === undefined ? 'nobody is there to run it' : `it did not end by itself within ${limit}`;
      return { keep: true, problem };
    } catch (error) {
      return { keep: true, problem: errorMessage(error) };
    }
  }
}
