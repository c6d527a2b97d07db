import type { MachineId, StopMode } from './machine.js';
import type { LifecycleEvent } from './lifecycle-event.js';
import type { MayNeedRoot } from './may-need-root.js';
import type { Milliseconds } from './milliseconds.js';

/** The identity of a unikernel, as last configured. */
export interface StoredRegistration {
  readonly unikernel: string;
  readonly id: MachineId;
  readonly backend: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly ttl: Milliseconds;
  readonly stopMode: StopMode;
}

/** How long the last boots of one unikernel took until it was ready, the newest last: from off, and from what was kept. */
export interface StoredReadyTimes {
  readonly start?: readonly Milliseconds[];
  readonly resume?: readonly Milliseconds[];
}

/** The counters of one unikernel. */
export interface StoredCounters {
  readonly unikernel: string;
  readonly startedAt?: Milliseconds;
  readonly totalStarts: number;
  /** Until when a command keeps it from being stopped, by the wall clock. */
  readonly keptUntil?: Milliseconds;
  /** Absent before its first boot. */
  readonly readyTimes?: StoredReadyTimes;
  readonly names: readonly { readonly name: string; readonly requests: number; readonly lastAsked?: Milliseconds }[];
}

export interface HistoryQuery {
  readonly unikernel?: string;
  /** How many of the newest events; all where absent. */
  readonly limit?: number;
}

/**
 * Stores registrations, counters and events, across restarts where it is durable. What it returns is history: only the
 * backends know what runs.
 *
 * @throws JITSU_STORE_UNREADABLE from `open` for a store that cannot be opened or is damaged; it is left unchanged
 */
export interface StateStore extends MayNeedRoot {
  /** Whether a new instance reads what an earlier one stored. Registrations are saved only in a durable store. */
  readonly durable: boolean;

  open(): Promise<void>;
  /** Writes what is outstanding and closes the store. */
  close(): Promise<void>;

  /** Resolves when they are on disk. */
  saveRegistrations(registrations: readonly StoredRegistration[]): Promise<void>;
  registrations(): Promise<readonly StoredRegistration[]>;

  /** Replaces the counters of these unikernels. Called in batches; they need not be on disk when it resolves. */
  saveCounters(counters: readonly StoredCounters[]): Promise<void>;
  counters(): Promise<readonly StoredCounters[]>;

  /** Resolves when it is on disk. */
  appendEvent(event: LifecycleEvent): Promise<void>;
  /** Oldest first. */
  history(query: HistoryQuery): Promise<readonly LifecycleEvent[]>;
}
