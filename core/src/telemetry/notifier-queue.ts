import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Logger } from '../contracts/logger.js';
import type { Notifier } from '../contracts/notifier.js';
import { errorMessage } from '../errors.js';

/** The most events that may wait for a slow notifier. */
const longestQueue = 1_000;

/** Delivers events to one notifier, one at a time and in order; the caller never waits. */
export class NotifierQueue {
  readonly #queue: LifecycleEvent[] = [];
  #delivering: Promise<void> | undefined;
  #dropping = false;

  constructor(
    readonly name: string,
    private readonly notifier: Notifier,
    private readonly logger: Logger,
  ) {}

  /** Drops the event when the queue is full; this is logged once until there is room again. */
  push(event: LifecycleEvent): void {
    if (this.#queue.length >= longestQueue) {
      if (!this.#dropping) {
        this.logger.warn({ notifier: this.name }, `the notifier ${this.name} is too slow: it misses events`);
      }
      this.#dropping = true;
      return;
    }
    this.#dropping = false;
    this.#queue.push(event);
    this.#delivering ??= this.#deliver();
  }

  /** The number of queued events. */
  get length(): number {
    return this.#queue.length;
  }

  /** Resolves when the queue is empty. */
  async idle(): Promise<void> {
    await this.#delivering;
  }

  async #deliver(): Promise<void> {
    // The notifier's code must not run within the call that emits the event.
    await Promise.resolve();
    for (let event = this.#queue[0]; event !== undefined; event = this.#queue[0]) {
      try {
        await this.notifier.notify(event);
      } catch (error) {
        const what = `the notifier ${this.name} failed on "${event.kind}" of ${event.unikernel}: ${errorMessage(error)}`;
        this.logger.warn({ notifier: this.name, error }, what);
      }
      this.#queue.shift();
    }
    this.#delivering = undefined;
  }
}
