import type { StopMode } from '../contracts/machine.js';
import type { Clock } from '../contracts/clock.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import type { Announcer } from './announcer.js';
import { look } from './look.js';
import type { Unikernel } from './unikernel.js';

/** Stops unikernels: one stop a unikernel at a time, and its answers are taken back before it begins. */
export class Stopper {
  constructor(
    private readonly announcer: Announcer,
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves when it has stopped. A summon under way is ended, whoever waits for it is told so.
   * @throws what {@link Machine.stop} throws; the unikernel then goes on running
   */
  stop(unikernel: Unikernel, reason: string, mode: StopMode = unikernel.plan.stopMode): Promise<void> {
    unikernel.ready = false;
    const earlier = Promise.all([unikernel.stopping, this.#endSummon(unikernel)]);
    const stop = earlier.then(() => this.#run(unikernel, reason, mode));
    const stopping = stop
      .catch(() => undefined)
      .then(() => {
        if (unikernel.stopping === stopping) unikernel.stopping = undefined;
      });
    unikernel.stopping = stopping;
    return stop;
  }

  async #run(unikernel: Unikernel, reason: string, mode: StopMode): Promise<void> {
    const decidedAt = this.clock.now();
    if (unikernel.state === 'off') return;
    this.announcer.announce(unikernel, 'stopping', { reason });
    try {
      await this.#down(unikernel, mode);
      await look(unikernel);
      unikernel.ready = false;
    } catch (error) {
      const code = errorCode(error) ?? 'JITSU_BACKEND_FAILED';
      this.announcer.announce(unikernel, 'stop-failed', { code, reason: errorMessage(error) });
      throw error;
    }
    this.announcer.announce(unikernel, 'stopped', { reason, duration: this.clock.now() - decidedAt });
  }

  async #endSummon({ name, summon }: Unikernel): Promise<void> {
    if (!summon) return;
    summon.abort(new JitsuError('JITSU_STOPPED_BY_COMMAND', `${name} was stopped by command while it booted.`));
    await summon.promise.catch(() => undefined);
  }

  /** A guest that does not follow its shutdown within the grace time is destroyed; no other mode may turn into that. */
  async #down(unikernel: Unikernel, mode: StopMode): Promise<void> {
    const { machine, grace } = unikernel.plan;
    const controller = new AbortController();
    using _grace = mode === 'shutdown' ? this.clock.after(grace, () => controller.abort()) : undefined;
    try {
      await machine.stop(mode, controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      await machine.stop('destroy', new AbortController().signal);
    }
  }
}
