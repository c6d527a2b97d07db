import type { Clock } from '../contracts/clock.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Notifier } from '../contracts/notifier.js';
import { errorMessage } from '../errors.js';

/** How long `close` waits for slow notifiers. */
const CLOSE_TIMEOUT: Milliseconds = 2_000;

/** The most events that may wait for a slow notifier. */
const LONGEST_QUEUE = 1_000;

type LifecycleListener = (event: LifecycleEvent) => void;

/** Delivers lifecycle events: to listeners within Jitsu synchronously, to each notifier through a queue of its own. */
export class EventHub {
  readonly #listeners = new Set<LifecycleListener>();
  readonly #queues: NotifierQueue[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Calls the listener with every event from now on, in order, before `emit` returns. */
  listen(listener: LifecycleListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Queues every event that it wants from now on for the notifier, in order. */
  addNotifier(name: string, notifier: Notifier, wants: (event: LifecycleEvent) => boolean): void {
    this.#queues.push(new NotifierQueue(name, notifier, wants, this.logger));
  }

  /** Never throws and never waits: a listener that fails is logged, and the remaining ones are still called. */
  emit(event: LifecycleEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.logger.error(
          { error },
          `a listener failed on "${event.kind}" of ${event.unikernel}: ${errorMessage(error)}`,
        );
      }
    }
    for (const queue of this.#queues) queue.push(event);
  }

  /** Waits until the notifiers have received their queued events, at most 2 s. */
  async close(): Promise<void> {
    const done = new AbortController();
    const timeout = this.clock.sleep(CLOSE_TIMEOUT, done.signal).catch(() => {});
    await Promise.race([Promise.all(this.#queues.map((queue) => queue.idle())), timeout]);
    done.abort();
    for (const { name, length } of this.#queues) {
      if (length > 0) this.logger.warn({ notifier: name }, `the notifier ${name} was not told ${length} last events`);
    }
  }
}

/** Delivers events to one notifier, one at a time and in order; the caller never waits. */
class NotifierQueue {
  readonly #queue: LifecycleEvent[] = [];
  #delivering: Promise<void> | undefined;
  #dropping = false;

  constructor(
    readonly name: string,
    private readonly notifier: Notifier,
    private readonly wants: (event: LifecycleEvent) => boolean,
    private readonly logger: Logger,
  ) {}

  /** Drops the event when the queue is full; this is logged once until there is room again. */
  push(event: LifecycleEvent): void {
    if (!this.wants(event)) return;
    if (this.#queue.length >= LONGEST_QUEUE) {
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
