import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';

/** A probe as the core uses it: errors of a plugin become JitsuErrors that name the probe. */
export class GuardedProbe implements ReadinessProbe {
  /** @param words as in the configuration */
  constructor(
    private readonly words: string,
    private readonly probe: ReadinessProbe,
  ) {}

  /** @throws JITSU_SUMMON_FAILED */
  async untilReady(target: ReadinessTarget, signal: AbortSignal): Promise<void> {
    try {
      await this.probe.untilReady(target, signal);
    } catch (error) {
      // Recognised by its code, since a plugin may have another copy of the core.
      if (signal.aborted || errorCode(error)?.startsWith('JITSU_') === true) throw error;
      const message = `The readiness probe ${this.words} of ${target.name} failed: ${errorMessage(error)}`;
      throw new JitsuError('JITSU_SUMMON_FAILED', message, { cause: error });
    }
  }
}
