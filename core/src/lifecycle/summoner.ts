import type { WakeCause } from '../contracts/lifecycle-event.js';
import type { Unikernel } from './unikernel.js';

/** Brings unikernels to ready. */
export interface Summons {
  /**
   * Resolves when the unikernel's service answers: at once where it is ready. All who ask meanwhile share one boot.
   * @throws JITSU_SUMMON_DEADLINE, JITSU_SUMMON_DIED, JITSU_SUMMON_BACKING_OFF, JITSU_BOOT_QUEUE_FULL,
   *   JITSU_BACKEND_UNREACHABLE, JITSU_BACKEND_FAILED, JITSU_SHUTTING_DOWN
   */
  summon(unikernel: Unikernel, cause: WakeCause): Promise<void>;
}
