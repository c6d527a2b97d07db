import type { Clock } from '../contracts/clock.js';
import type { Machine, MachineDescription, StopMode } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, errorMessage } from '../errors.js';
import type { Announcer } from './announcer.js';
import { look } from './power-follower.js';
import type { Stop, UnikernelRecord } from './unikernel.js';

/** Carries out all requested stops of a unikernel, one after the other. */
export class StopQueue {
  /**
   * @param note takes over a description by the backend
   * @param onOver called when no stop is left, before the last stop is settled
   */
  constructor(
    private readonly note: (unikernel: UnikernelRecord, description: MachineDescription) => void,
    private readonly onOver: (unikernel: UnikernelRecord) => void,
    private readonly announcer: Announcer,
    private readonly clock: Clock,
  ) {}

  /** Carries out the waiting stops, and those that are added meanwhile. */
  async run(unikernel: UnikernelRecord): Promise<void> {
    const stops = unikernel.stops as Stop[];
    for (let stop = stops[0]; stop !== undefined; stop = stops[0]) {
      const outcome = await this.#stop(unikernel, stop).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      stops.shift();
      if (stops.length === 0) {
        unikernel.stops = undefined;
        this.onOver(unikernel);
      }
      if (outcome) stop.reject(outcome.error);
      else stop.resolve();
    }
  }

  async #stop(unikernel: UnikernelRecord, { reason, mode }: Stop): Promise<void> {
    const decidedAt = this.clock.now();
    if (unikernel.state === 'off') return;
    this.announcer.announce(unikernel, 'stopping', { reason });
    try {
      await bringDown(unikernel.plan, mode, this.clock);
      await look(unikernel, (description) => this.note(unikernel, description));
    } catch (error) {
      const code = errorCode(error) ?? 'JITSU_BACKEND_FAILED';
      this.announcer.announce(unikernel, 'stop-failed', { code, reason: errorMessage(error) });
      throw error;
    }
    this.announcer.announce(unikernel, 'stopped', { reason, duration: this.clock.now() - decidedAt });
  }
}

/**
 * Stops a machine. A guest that does not shut down within the grace time is destroyed; no other mode may become a
 * destroy.
 */
async function bringDown(
  { machine, grace }: { readonly machine: Machine; readonly grace: Milliseconds },
  mode: StopMode,
  clock: Clock,
): Promise<void> {
  const controller = new AbortController();
  using _grace = mode === 'shutdown' ? clock.after(grace, () => controller.abort()) : undefined;
  try {
    await machine.stop(mode, controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    await machine.stop('destroy', new AbortController().signal);
  }
}
