import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../contracts/clock.js';
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

/** The delay after a write that has failed, in milliseconds. */
const pause = 1_000;

/** Writes events to the store, in order, without making the caller wait. */
export class HistoryWriter {
  readonly #backlog: LifecycleEvent[] = [];
  #dropped = 0;
  #writing: Promise<void> | undefined;
  /** Until the next attempt, after one that has failed. */
  #retry: Disposable | undefined;
  #failing = false;

  constructor(
    private readonly store: StateStore,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Queues the event. When the queue is full, the event is missing from the history, and the log says so. */
  append(event: LifecycleEvent): void {
    if (this.#backlog.length >= longestBacklog) {
      this.#dropped += 1;
      return;
    }
    this.#backlog.push(event);
    if (this.#retry === undefined) this.#writing ??= this.#write();
  }

  /** Resolves when all queued events are on the disk, or could not be written once more. Never rejects. */
  async flush(): Promise<void> {
    this.#retry?.[Symbol.dispose]();
    this.#retry = undefined;
    if (this.#backlog.length > 0) this.#writing ??= this.#write();
    await this.#writing;
  }

  /** Writes all queued events, and gives up those that cannot be written. Never rejects. */
  async close(): Promise<void> {
    await this.flush();
    this.#retry?.[Symbol.dispose]();
    this.#dropped += this.#backlog.splice(0).length;
    this.#logLoss();
  }

  async #write(): Promise<void> {
    // The caller of `append` must not do the store's work, and neither must an answer that follows from the event in this
    // turn of the event loop and is sent at its end.
    await setImmediate();
    await setImmediate();
    while (this.#backlog.length > 0) {
      const events = this.#backlog.slice(0, batch);
      const results = await Promise.allSettled(events.map(async (event) => this.store.appendEvent(event)));
      const failure = results.find((result) => result.status === 'rejected');
      this.#backlog.splice(0, events.length, ...events.filter((_, index) => results[index]?.status === 'rejected'));
      if (failure !== undefined) {
        this.#failed(failure.reason);
        break;
      }
      if (this.#failing) this.logger.info({}, 'the history is written to the store again');
      this.#logLoss();
      this.#failing = false;
    }
    this.#writing = undefined;
  }

  #failed(error: unknown): void {
    if (!this.#failing) {
      const message = `the history could not be written to the store: ${errorMessage(error)}; trying again every second`;
      this.logger.warn({ error }, message);
    }
    this.#failing = true;
    this.#retry = this.clock.after(pause, () => {
      this.#retry = undefined;
      this.#writing ??= this.#write();
    });
  }

  #logLoss(): void {
    const events = this.#dropped;
    if (events === 0) return;
    this.#dropped = 0;
    const why = this.#failing ? 'the store could not be written' : 'the disk could not keep up';
    this.logger.warn({ events }, `the history lacks ${events} ${events === 1 ? 'event' : 'events'}: ${why}`);
  }
}
