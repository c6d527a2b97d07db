import type { WakeCause } from '../contracts/lifecycle-event.js';
import type { MachineDescription } from '../contracts/machine.js';
import type { LifeEvent } from './life.js';
import type { Summon } from './summon.js';
import type { Stop, Unikernel } from './unikernel.js';

/** What the parts of the lifecycle report about a unikernel. Only the lifecycle writes the fields of a unikernel. */
export interface LifeReports {
  /** An event of its life; with a description where its backend has just described its machine. */
  on(unikernel: Unikernel, event: LifeEvent, description?: MachineDescription): void;
  /** Its backend has described its machine, which is no event by itself. */
  note(unikernel: Unikernel, description: MachineDescription): void;
  /** Its backend has found its addresses. */
  found(unikernel: Unikernel, addresses: readonly string[]): void;
  /** Its machine was started by Jitsu. */
  started(unikernel: Unikernel): void;
  /** Its backend is no longer starting it. */
  startEnded(unikernel: Unikernel): void;
  /** A summon of it has failed; nothing happens where that has ended already. */
  failed(unikernel: Unikernel, summon: Summon | undefined, error: unknown): void;
  /** It is to be ready, and nobody waits for that. */
  wake(unikernel: Unikernel, cause: WakeCause): void;
  /** What has kept it from being stopped may keep it no more. */
  consider(unikernel: Unikernel): void;
  /** Its stop policies want it stopped. */
  reap(unikernel: Unikernel, reason: string): void;
  /** It is kept where its queries alone would have it stopped; `why` as it stands behind "kept by". */
  kept(unikernel: Unikernel, why: string | undefined): void;
  /** Its service has stopped answering, though it runs. */
  unready(unikernel: Unikernel, error: unknown): void;
  /** Its stops are these now: one was asked for, or has ended. */
  stopsChanged(unikernel: Unikernel, stops: readonly Stop[] | undefined): void;
}
