import type { StopMode } from '../contracts/machine.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { NotifierStatus } from '../contracts/notifier.js';
import type { HistoryQuery } from '../contracts/state-store.js';
import type { CacheStatus } from '../dns/cache/caching-resolver.js';
import type { UnikernelStatus } from '../lifecycle/unikernel-status.js';

export type { NameStatus, UnikernelStatus } from '../lifecycle/unikernel-status.js';

export interface StatusReport {
  readonly version: string;
  readonly pid: number;
  readonly now: Milliseconds;
  readonly startedAt: Milliseconds;
  readonly configFile?: string;
  /** Where DNS is answered, over UDP and TCP. */
  readonly listening: readonly { readonly address: string; readonly port: number }[];
  /** How datagrams are taken: many at a time (`mmsg`) or one by one. */
  readonly udpTransport?: 'dgram' | 'mmsg';
  readonly dns: {
    readonly cache: CacheStatus;
    /** How often what was refused since the start, by kind. */
    readonly refused: Readonly<Record<string, number>>;
  };
  /** All, or where there are more than 10,000 so many, those first of which there is something to tell. */
  readonly unikernels: readonly UnikernelStatus[];
  /** How many there are besides; absent where there are none. */
  readonly further?: number;
  /** Those notifiers that have something to tell of themselves. */
  readonly notifiers: readonly ({ readonly name: string } & NotifierStatus)[];
}

export interface FlushReport {
  /** How many answers were forgotten. */
  readonly flushed: number;
}

/** What the control socket lets its owner do. */
export interface ControlActions {
  status(): StatusReport;
  /** Resolves when it is ready. @throws JITSU_UNIKERNEL_UNKNOWN and what a summon throws */
  summon(unikernel: string): Promise<UnikernelStatus>;
  /** Resolves when it has stopped; in its own mode where none is given. @throws JITSU_UNIKERNEL_UNKNOWN, JITSU_STOP_MODE_UNSUPPORTED, … */
  stop(unikernel: string, mode?: StopMode): Promise<UnikernelStatus>;
  /** Forgets what is remembered of a name and of all below it, or of all names. @throws JITSU_CONTROL_FAILED for no name */
  flush(name?: string): Promise<FlushReport>;
  history(query: HistoryQuery): Promise<readonly LifecycleEvent[]>;
}
