import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Logger } from '../contracts/logger.js';
import type { Notifier } from '../contracts/notifier.js';
import { errorMessage } from '../errors.js';

/** How many events may wait for a notifier that is slow. */
const longestQueue = 1_000;

/** Tells one notifier one event after the other, in order, while nobody waits for it. */
export class NotifierQueue {
  readonly #waiting: LifecycleEvent[] = [];
  #telling: Promise<void> | undefined;
  #dropping = false;

  constructor(
    readonly name: string,
    private readonly notifier: Notifier,
    private readonly logger: Logger,
  ) {}

  /** Where too many wait, the event is dropped; the log says so once until there is room again. */
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

  /** How many events it has not been told of. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Resolves when it has been told everything so far. */
  async idle(): Promise<void> {
    await this.#telling;
  }

  async #tell(): Promise<void> {
    // Whoever announces an event does not do the notifier's work.
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
