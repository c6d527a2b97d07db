import type { Clock } from '../contracts/clock.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Notifier } from '../contracts/notifier.js';
import { errorMessage } from '../errors.js';
import { NotifierQueue } from './notifier-queue.js';

/** How long `close` waits for slow notifiers. */
const patience: Milliseconds = 2_000;

/** A notifier's queue, and what goes into it. */
interface Audience {
  readonly queue: NotifierQueue;
  readonly hears: (event: LifecycleEvent) => boolean;
}

export type LifecycleListener = (event: LifecycleEvent) => void;

/** Announces events: to listeners within Jitsu at once, to notifiers through a queue each. */
export class EventHub {
  readonly #listeners = new Set<LifecycleListener>();
  readonly #audiences: Audience[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Calls the listener with every event from now on, in order, before `emit` returns. */
  listen(listener: LifecycleListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Queues every event from now on for the notifier, in order. */
  addNotifier(name: string, notifier: Notifier, hears: Audience['hears'] = () => true): void {
    this.#audiences.push({ queue: new NotifierQueue(name, notifier, this.logger), hears });
  }

  /** Never throws and never waits: a listener that fails is logged, and the others are still called. */
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
    for (const { queue, hears } of this.#audiences) if (hears(event)) queue.push(event);
  }

  /** Waits up to 2 s until the notifiers have received what is queued for them. */
  async close(): Promise<void> {
    const enough = new AbortController();
    const timeout = this.clock.sleep(patience, enough.signal).catch(() => {});
    await Promise.race([Promise.all(this.#audiences.map(({ queue }) => queue.idle())), timeout]);
    enough.abort();
    for (const { name, length } of this.#audiences.map(({ queue }) => queue)) {
      if (length > 0) this.logger.warn({ notifier: name }, `the notifier ${name} was not told ${length} last events`);
    }
  }
}
