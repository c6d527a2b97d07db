import type { Milliseconds } from '../contracts/milliseconds.js';
import type { StoredReadyTimes } from '../contracts/state-store.js';
import type { Unikernel } from './unikernel.js';

/** The number of boots of one kind that are remembered. */
const REMEMBERED = 5;

/** How a unikernel comes up: from off, or from what was kept of it. */
export type Rise = keyof StoredReadyTimes;

/** How long the last boots took, from the order to the backend until the service answered. */
export class ReadyTimes {
  /** Those that have booted; the newest times are last. */
  readonly #times = new Map<Unikernel, StoredReadyTimes>();

  add(unikernel: Unikernel, rise: Rise, duration: Milliseconds): void {
    const times = this.#times.get(unikernel);
    this.#times.set(unikernel, { ...times, [rise]: [...(times?.[rise] ?? []), duration].slice(-REMEMBERED) });
  }

  /** Restores those of an earlier run of Jitsu. */
  recall(unikernel: Unikernel, times: StoredReadyTimes): void {
    this.#times.set(unikernel, times);
  }

  forget(unikernel: Unikernel): void {
    this.#times.delete(unikernel);
  }

  of(unikernel: Unikernel): StoredReadyTimes | undefined {
    return this.#times.get(unikernel);
  }

  /** The time in the middle, which one odd boot does not change; `undefined` before the first boot. */
  usual(unikernel: Unikernel, rise: Rise): Milliseconds | undefined {
    const times = [...(this.#times.get(unikernel)?.[rise] ?? [])].sort((one, other) => one - other);
    return times[Math.floor(times.length / 2)];
  }

  /** The usual time of the wake that would come next, or of any where that is not known. */
  next(unikernel: Unikernel): Milliseconds | undefined {
    const { state } = unikernel;
    const rises: readonly Rise[] =
      state === 'suspended' || state === 'paused' ? ['resume', 'start'] : ['start', 'resume'];
    for (const rise of rises) {
      const usual = this.usual(unikernel, rise);
      if (usual !== undefined) return usual;
    }
    return undefined;
  }
}
