import type { StopMode } from '../contracts/machine.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { NotifierStatus } from '../contracts/notifier.js';
import type { HistoryQuery } from '../contracts/state-store.js';
import type { CacheStatus } from '../dns/cache/caching-resolver.js';
import type { UpstreamAnswerCounts } from '../dns/forwarder/answer-scrubber.js';
import type { UnikernelStatus } from '../lifecycle/unikernel-status.js';
import type { RunsAs } from '../privileges/privileges.js';

export type { NameStatus, UnikernelStatus } from '../lifecycle/unikernel-status.js';

export interface StatusReport {
  readonly version: string;
  readonly pid: number;
  readonly now: Milliseconds;
  readonly startedAt: Milliseconds;
  readonly configFile?: string;
  /** The endpoints of the DNS listeners, over UDP and TCP. */
  readonly listening: readonly {
    readonly address: string;
    readonly port: number;
    /** Whether this machine does not have the address yet. */
    readonly absent?: true;
  }[];
  /** How datagrams are received: many per system call (`mmsg`) or one by one (`dgram`). */
  readonly udpTransport?: 'dgram' | 'mmsg';
  /** The user that it runs as; absent where a program has Jitsu as a part, and where users have no numbers. */
  readonly runsAs?: RunsAs;
  /** Why counters or history are not kept on the disk, as a sentence without its full stop; absent where they are. */
  readonly storeProblem?: string;
  /** Why processes that have ended are not collected, likewise. */
  readonly initProblem?: string;
  /** The doormen that can hold no first packets at the moment, with the reasons; absent where there is none. */
  readonly lostDoormen?: readonly { readonly name: string; readonly reason: string }[];
  readonly dns: {
    readonly cache: CacheStatus;
    /** The number of refused queries since the start, by kind. */
    readonly refused: Readonly<Record<string, number>>;
    /** What was found in the answers of upstreams. */
    readonly upstreamAnswers: UpstreamAnswerCounts;
  };
  /** At most 10,000 unikernels; if there are more, those that were queried, run or have failed come first. */
  readonly unikernels: readonly UnikernelStatus[];
  /** The number of unikernels left out; absent if none is. */
  readonly further?: number;
  /** What an earlier Jitsu has started, and is in no configuration any more; absent where there is nothing of it. */
  readonly strays?: readonly UnikernelStatus[];
  /** The notifiers that report a status. */
  readonly notifiers: readonly ({ readonly name: string } & NotifierStatus)[];
}

/** A summoned unikernel. */
export interface SummonReport extends UnikernelStatus {
  /** Whether it was ready before, so that the summon has done nothing. */
  readonly wasReady: boolean;
}

/** What a command has done to the unikernels of a group. */
export interface GroupReport<Report> {
  /** Those to which it was done, in the order of the configuration. */
  readonly unikernels: readonly Report[];
  /** The others, with what went wrong. */
  readonly failures: readonly { readonly unikernel: string; readonly code: string; readonly message: string }[];
}

/** How long a unikernel is kept, as `2h`, or until when in local time, as `18:00` or `2026-07-22 18:00`. */
export type KeepTime = { readonly for: string } | { readonly until: string };

/** A unikernel that a command keeps from being stopped, or keeps no more. */
export interface KeepReport extends UnikernelStatus {
  /** Whether that survives a restart of Jitsu. */
  readonly isStored: boolean;
}

export interface FlushReport {
  /** The number of removed cache entries. */
  readonly flushed: number;
}

/** The actions of the control socket. */
export interface ControlActions {
  status(): StatusReport;
  /** The same with this unikernel alone, and its last output. @throws JITSU_UNIKERNEL_UNKNOWN */
  statusOf(unikernel: string): Promise<StatusReport>;
  /** Resolves when the unikernel is ready. @throws JITSU_UNIKERNEL_UNKNOWN and the errors of a summon */
  summon(unikernel: string): Promise<SummonReport>;
  /**
   * Resolves when the unikernel has stopped; `mode` defaults to its configured stop mode.
   * @throws JITSU_UNIKERNEL_UNKNOWN, JITSU_STOP_MODE_UNSUPPORTED, and the errors of the backend
   */
  stop(unikernel: string, mode?: StopMode): Promise<UnikernelStatus>;
  /** Resolves when each unikernel of the group is ready, or has failed. @throws JITSU_UNIKERNEL_UNKNOWN for no group */
  summonGroup(group: string): Promise<GroupReport<SummonReport>>;
  /**
   * Resolves when each unikernel of the group has stopped, those that need others of it first, or has failed to.
   * @throws JITSU_UNIKERNEL_UNKNOWN for no group, JITSU_STOP_MODE_UNSUPPORTED
   */
  stopGroup(group: string, mode?: StopMode): Promise<GroupReport<UnikernelStatus>>;
  /**
   * Keeps it from being stopped by its policies until this time, from now on or from when it runs; `0` ends that. It is not
   * started.
   * @throws JITSU_UNIKERNEL_UNKNOWN, JITSU_CONTROL_FAILED for no time
   */
  keep(unikernel: string, time: KeepTime): Promise<KeepReport>;
  /** Removes a name and all names below it, or all names, from the caches. @throws JITSU_CONTROL_FAILED for no name */
  flush(name?: string): Promise<FlushReport>;
  /**
   * The name may also be a DNS name or the id of the unikernel.
   * @throws JITSU_UNIKERNEL_UNKNOWN if no such unikernel is configured, and the store has no event of one
   */
  history(query: HistoryQuery): Promise<readonly LifecycleEvent[]>;
}
