import type { Clock } from '../contracts/clock.js';
import type { Machine, StopMode } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, errorMessage } from '../errors.js';
import type { Announcer } from './announcer.js';
import type { Doormen } from './doormen.js';
import { STOP_LIMIT } from './guarded-backend.js';
import type { LifeReports } from './life-reports.js';
import { look } from './power-follower.js';
import { removed } from './summon-failures.js';
import type { Stop, Unikernel } from './unikernel.js';

/** Carries out all requested stops of a unikernel, one after the other. */
export class StopQueue {
  /** Those of which a stop is being carried out. */
  readonly #running = new Set<Unikernel>();

  /** @param giveUp called where a unikernel cannot be stopped since its start hangs */
  constructor(
    private readonly life: Pick<LifeReports, 'on' | 'note' | 'stopsChanged'>,
    private readonly announcer: Announcer,
    private readonly clock: Clock,
    private readonly giveUp: (unikernel: Unikernel) => void,
    private readonly doormen?: Pick<Doormen, 'beforeStop'>,
  ) {}

  /**
   * Resolves when it has stopped, after all earlier stops and a start under way, which is waited for no longer than
   * {@link STOP_LIMIT}. Rejects as `Machine.stop` does.
   */
  request(unikernel: Unikernel, event: 'stop' | 'reap', reason: string, mode: StopMode): Promise<void> {
    const stopped = new Promise<void>((resolve, reject) => {
      this.#add(unikernel, { reason, mode, resolve, reject });
      this.life.on(unikernel, event);
    });
    const overdue = this.clock.after(STOP_LIMIT, () => this.giveUp(unikernel));
    return stopped.finally(() => overdue[Symbol.dispose]());
  }

  /** Stops a machine that its summon starts anew, which is told when it is down. */
  replace(unikernel: Unikernel, reason: string, mode: StopMode): void {
    const nobody = (): void => undefined;
    this.#add(unikernel, { reason, mode, resolve: nobody, reject: nobody });
    void this.run(unikernel);
  }

  /** It was released: only a stop that its backend has been told of goes on, and all others are rejected. */
  release(unikernel: Unikernel): void {
    if (this.#running.has(unikernel)) return;
    const { stops = [] } = unikernel;
    this.life.stopsChanged(unikernel, undefined);
    for (const stop of stops) stop.reject(removed(unikernel));
  }

  /** Carries out the waiting stops, and those that are added meanwhile. */
  async run(unikernel: Unikernel): Promise<void> {
    this.#running.add(unikernel);
    for (let isLast = false; !isLast;) {
      const [stop] = unikernel.stops as readonly [Stop];
      const settle = await this.#stop(unikernel, stop).then(
        () => () => stop.resolve(),
        (error: unknown) => () => stop.reject(error),
      );
      const rest = (unikernel.stops as readonly Stop[]).slice(1);
      isLast = rest.length === 0;
      if (isLast) this.#running.delete(unikernel);
      this.life.stopsChanged(unikernel, isLast ? undefined : rest);
      if (isLast) this.life.on(unikernel, 'stopped');
      settle();
    }
  }

  #add(unikernel: Unikernel, stop: Stop): void {
    this.life.stopsChanged(unikernel, [...(unikernel.stops ?? []), stop]);
  }

  async #stop(unikernel: Unikernel, { reason, mode }: Stop): Promise<void> {
    const decidedAt = this.clock.now();
    if (unikernel.phase === 'released') throw removed(unikernel);
    if (unikernel.state === 'off') return;
    // Who connects from now on must find either the service or somebody who holds the packet.
    const armed = this.doormen?.beforeStop(unikernel);
    if (armed !== undefined) await armed;
    if (isReleased(unikernel)) throw removed(unikernel);
    this.announcer.announce(unikernel, 'stopping', { reason });
    try {
      await bringDown(unikernel.plan, mode, this.clock);
      await look(unikernel, (description) => this.life.note(unikernel, description));
    } catch (error) {
      const code = errorCode(error) ?? 'JITSU_BACKEND_FAILED';
      this.announcer.announce(unikernel, 'stop-failed', { code, reason: errorMessage(error) });
      throw error;
    }
    this.announcer.announce(unikernel, 'stopped', { reason, duration: this.clock.now() - decidedAt });
  }
}

/** A function, since the compiler does not know that the phase changes during a wait. */
function isReleased({ phase }: Unikernel): boolean {
  return phase === 'released';
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
