import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { HistoryQuery, StateStore, StoredCounters, StoredRegistration } from '../contracts/state-store.js';
import { DEFAULT_HISTORY_LIMIT } from '../state/history-writer.js';

/** Keeps state in memory until the process ends. */
export class MemoryStateStore implements StateStore {
  readonly durable = false;
  readonly #registrations = new Map<string, StoredRegistration>();
  readonly #counters = new Map<string, StoredCounters>();
  #history: LifecycleEvent[] = [];

  /** @param historyLimit least number of events to keep; up to a tenth more are kept, to be removed in batches */
  constructor(private readonly historyLimit = DEFAULT_HISTORY_LIMIT) {}

  async open(): Promise<void> {}

  async close(): Promise<void> {}

  async saveRegistrations(registrations: readonly StoredRegistration[]): Promise<void> {
    for (const registration of registrations) {
      this.#registrations.set(registration.unikernel, structuredClone(registration));
    }
  }

  async registrations(): Promise<readonly StoredRegistration[]> {
    return [...this.#registrations.values()];
  }

  async saveCounters(counters: readonly StoredCounters[]): Promise<void> {
    for (const counter of counters) this.#counters.set(counter.unikernel, structuredClone(counter));
  }

  async counters(): Promise<readonly StoredCounters[]> {
    return [...this.#counters.values()];
  }

  async appendEvent(event: LifecycleEvent): Promise<void> {
    this.#history.push(structuredClone(event));
    if (this.#history.length > this.historyLimit * 1.1) this.#history = this.#history.slice(-this.historyLimit);
  }

  async history({ unikernel, limit }: HistoryQuery): Promise<readonly LifecycleEvent[]> {
    const events = this.#history.filter((event) => unikernel === undefined || event.unikernel === unikernel);
    return limit === undefined ? events : events.slice(Math.max(0, events.length - limit));
  }
}
