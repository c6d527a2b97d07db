import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Logger } from '../contracts/logger.js';
import type { StateStore } from '../contracts/state-store.js';
import { errorMessage } from '../errors.js';

/** The default number of events that a store keeps. */
export const DEFAULT_HISTORY_LIMIT = 100_000;

/** The most events that may wait to be written. */
const longestBacklog = 10_000;

/** Events per write. */
const batch = 500;

/** Writes events to the store, in order, without making the caller wait. */
export class HistoryWriter {
  readonly #backlog: LifecycleEvent[] = [];
  #dropped = 0;
  #writing: Promise<void> | undefined;

  constructor(
    private readonly store: StateStore,
    private readonly logger: Logger,
  ) {}

  /** Queues the event. When the queue is full, the event is missing from the history, and the log says so. */
  append(event: LifecycleEvent): void {
    if (this.#backlog.length >= longestBacklog) {
      this.#dropped += 1;
      return;
    }
    this.#backlog.push(event);
    this.#writing ??= this.#write();
  }

  /** Resolves when all queued events are on the disk, or have failed and were logged. Never rejects. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    // The caller of `append` must not do the store's work.
    await Promise.resolve();
    while (this.#backlog.length > 0) {
      const events = this.#backlog.slice(0, batch);
      const results = await Promise.allSettled(events.map(async (event) => this.store.appendEvent(event)));
      this.#backlog.splice(0, events.length);
      const failures = results.filter((result) => result.status === 'rejected');
      if (failures[0] !== undefined) this.#logLoss(failures.length, errorMessage(failures[0].reason));
      if (this.#dropped > 0) {
        this.#logLoss(this.#dropped, 'the disk could not keep up');
        this.#dropped = 0;
      }
    }
    this.#writing = undefined;
  }

  #logLoss(events: number, why: string): void {
    this.logger.warn({ events }, `the history lacks ${events} ${events === 1 ? 'event' : 'events'}: ${why}`);
  }
}
