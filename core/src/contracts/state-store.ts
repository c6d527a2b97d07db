import type { MachineId, StopMode } from './machine.js';
import type { LifecycleEvent } from './lifecycle-event.js';
import type { Milliseconds } from './milliseconds.js';

/** Who a unikernel is, as last configured. */
export interface StoredRegistration {
  readonly unikernel: string;
  readonly id: MachineId;
  readonly backend: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly ttl: Milliseconds;
  readonly stopMode: StopMode;
}

/** What is counted for a unikernel. */
export interface StoredCounters {
  readonly unikernel: string;
  readonly startedAt?: Milliseconds;
  readonly totalStarts: number;
  readonly names: readonly { readonly name: string; readonly requests: number; readonly lastAsked?: Milliseconds }[];
}

export interface HistoryQuery {
  readonly unikernel?: string;
  /** The newest so many; all where absent. */
  readonly limit?: number;
}

/**
 * Remembers registrations, counters and what happened, across restarts where it is durable. What it says is history:
 * the truth about what runs comes from the backends alone.
 *
 * @throws JITSU_STORE_UNREADABLE from `open` for a store that cannot be opened or is damaged; it is left as it is
 */
export interface StateStore {
  /** Whether a new instance finds what an earlier one was given. Registrations are saved only where it does. */
  readonly durable: boolean;

  open(): Promise<void>;
  /** Writes what is outstanding and lets go. */
  close(): Promise<void>;

  /** Resolves when they are on the disk. */
  saveRegistrations(registrations: readonly StoredRegistration[]): Promise<void>;
  registrations(): Promise<readonly StoredRegistration[]>;

  /** Replaces the counters of these unikernels. Called in batches; need not be on the disk when it resolves. */
  saveCounters(counters: readonly StoredCounters[]): Promise<void>;
  counters(): Promise<readonly StoredCounters[]>;

  /** Resolves when it is on the disk. */
  appendEvent(event: LifecycleEvent): Promise<void>;
  /** Oldest first. */
  history(query: HistoryQuery): Promise<readonly LifecycleEvent[]>;
}
