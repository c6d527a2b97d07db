import type { ReadinessProbe, ReadinessTarget } from '../contracts/readiness-probe.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';

/** A probe as the core uses it: errors of a plugin become JitsuErrors that name the probe. */
export class GuardedProbe implements ReadinessProbe {
  /** Absent where the probe has none, or it is no number. */
  readonly port?: number;
  /** Absent where the probe has none. @throws JITSU_SUMMON_FAILED */
  readonly allow?: (target: ReadinessTarget) => void;

  /** @param words as in the configuration */
  constructor(
    private readonly words: string,
    private readonly probe: ReadinessProbe,
  ) {
    if (typeof probe.port === 'number') this.port = probe.port;
    if (probe.allow === undefined) return;
    this.allow = (target) => {
      try {
        probe.allow?.(target);
      } catch (error) {
        throw this.#named(target, error);
      }
    };
  }

  /** @throws JITSU_SUMMON_FAILED */
  async untilReady(target: ReadinessTarget, signal: AbortSignal): Promise<void> {
    const { report } = target;
    const own = report && { ...target, report: (outcome: string) => report(`${this.words}: ${outcome}`) };
    try {
      await this.probe.untilReady(own ?? target, signal);
    } catch (error) {
      throw signal.aborted ? error : this.#named(target, error);
    }
  }

  #named({ name }: ReadinessTarget, error: unknown): unknown {
    // Recognised by its code, since a plugin may have another copy of the core.
    if (errorCode(error)?.startsWith('JITSU_') === true) return error;
    const message = `The readiness probe ${this.words} of ${name} failed: ${errorMessage(error)}`;
    return new JitsuError('JITSU_SUMMON_FAILED', message, { cause: error });
  }
}
