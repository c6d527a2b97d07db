import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';

/** A probe as the core uses it: whatever a plugin throws becomes a JitsuError that names the probe. */
export class GuardedProbe implements ReadinessProbe {
  /** `words` are those of the configuration. */
  constructor(
    private readonly words: string,
    private readonly probe: ReadinessProbe,
  ) {}

  /** @throws JITSU_SUMMON_FAILED */
  async untilReady(target: ReadinessTarget, signal: AbortSignal): Promise<void> {
    try {
      await this.probe.untilReady(target, signal);
    } catch (error) {
      // By the code, since a plugin may have another copy of the core than this one.
      if (signal.aborted || errorCode(error)?.startsWith('JITSU_') === true) throw error;
      const message = `The readiness probe ${this.words} of ${target.name} failed: ${errorMessage(error)}`;
      throw new JitsuError('JITSU_SUMMON_FAILED', message, { cause: error });
    }
  }
}
