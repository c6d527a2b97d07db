import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Logger } from '../contracts/logger.js';
import type { Notifier } from '../contracts/notifier.js';
import { errorMessage } from '../errors.js';

/** How many events may wait for a notifier that is slow. */
const longestQueue = 1_000;

/** Delivers events to one notifier, one at a time and in order; the caller never waits. */
export class NotifierQueue {
  readonly #waiting: LifecycleEvent[] = [];
  #telling: Promise<void> | undefined;
  #dropping = false;

  constructor(
    readonly name: string,
    private readonly notifier: Notifier,
    private readonly logger: Logger,
  ) {}

  /** Drops the event when the queue is full; this is logged once until there is room again. */
  push(event: LifecycleEvent): void {
    if (this.#waiting.length >= longestQueue) {
      if (!this.#dropping) {
        this.logger.warn({ notifier: this.name }, `the notifier ${this.name} is too slow: it misses events`);
      }
      this.#dropping = true;
      return;
    }
    this.#dropping = false;
    this.#waiting.push(event);
    this.#telling ??= this.#tell();
  }

  /** The number of queued events. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Resolves when the queue is empty. */
  async idle(): Promise<void> {
    await this.#telling;
  }

  async #tell(): Promise<void> {
    // The notifier's own code does not run within the call that announces the event.
    await Promise.resolve();
    for (let event = this.#waiting[0]; event !== undefined; event = this.#waiting[0]) {
      try {
        await this.notifier.notify(event);
      } catch (error) {
        const what = `the notifier ${this.name} failed on "${event.kind}" of ${event.unikernel}: ${errorMessage(error)}`;
        this.logger.warn({ notifier: this.name, error }, what);
      }
      this.#waiting.shift();
    }
    this.#telling = undefined;
  }
}
