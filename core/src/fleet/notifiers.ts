import type { Settings } from '../config/settings.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Notifier, NotifierStatus } from '../contracts/notifier.js';
import { errorMessage } from '../errors.js';
import type { Instances } from './instances.js';
import type { EventHub } from '../telemetry/event-hub.js';

const NO_KEYS: Readonly<Record<string, unknown>> = {};

/** All notifiers of the configuration, by their names. */
export class Notifiers {
  readonly #notifiers: ReadonlyMap<string, Notifier>;
  /** By the names of the unikernels that have any: what the keys became that plugins have added. */
  readonly #addedKeys: ReadonlyMap<string, Readonly<Record<string, unknown>>>;

  /** Makes them, and opens nothing. */
  constructor({ notifiers, unikernels }: Settings, instances: Instances) {
    this.#notifiers = new Map(
      notifiers.map((configured) => [configured.contribution.name, instances.configured(configured)]),
    );
    const withKeys = unikernels.filter(({ addedKeys }) => Object.keys(addedKeys).length > 0);
    this.#addedKeys = new Map(withKeys.map(({ name, addedKeys }) => [name, addedKeys]));
  }

  /** From now on they are told what the hub announces. */
  join(hub: EventHub): void {
    for (const [name, notifier] of this.#notifiers)
      hub.addNotifier(name, notifier, (event) => this.#wants(notifier, event));
  }

  /** Rejects with whatever keeps one of them from ever telling anybody. */
  async open(): Promise<void> {
    for (const notifier of this.#notifiers.values()) await notifier.open?.();
  }

  /** Closes them all, also after one of them has failed to open or to close; rejects with the first failure. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled([...this.#notifiers.values()].map(async (notifier) => notifier.close?.()));
    for (const outcome of closed) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** Of those that have something to tell of themselves. */
  status(): readonly ({ readonly name: string } & NotifierStatus)[] {
    return [...this.#notifiers].flatMap(([name, notifier]) => {
      const status = statusOf(notifier);
      return status === undefined ? [] : [{ name, ...status }];
    });
  }

  #wants(notifier: Notifier, event: LifecycleEvent): boolean {
    try {
      return notifier.wants?.(event, this.#addedKeys.get(event.unikernel) ?? NO_KEYS) ?? true;
    } catch {
      // It is told, and the log tells if it fails at that as well.
      return true;
    }
  }
}

/** One that fails to tell of itself must not keep anybody from seeing the others. */
function statusOf(notifier: Notifier): NotifierStatus | undefined {
  try {
    return notifier.status?.();
  } catch (error) {
    return { connected: false, detail: `it fails to tell its status: ${errorMessage(error)}` };
  }
}
