import type { Settings } from '../config/settings.js';
import type { Clock } from '../contracts/clock.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Logger } from '../contracts/logger.js';
import type { Notifier, NotifierStatus } from '../contracts/notifier.js';
import { errorMessage } from '../errors.js';
import type { Instances } from './instances.js';
import { limitedClose } from './limited-close.js';
import type { EventHub } from '../telemetry/event-hub.js';

const NO_KEYS: Readonly<Record<string, unknown>> = {};

/** All notifiers of the configuration, by their names. */
export class Notifiers {
  readonly #notifiers: ReadonlyMap<string, Notifier>;
  /**
   * The parsed values of the keys that plugins have added, by the name of the unikernel; only unikernels that have any.
   */
  readonly #addedKeys: ReadonlyMap<string, Readonly<Record<string, unknown>>>;

  /** Makes the notifiers without opening them. */
  constructor(
    { notifiers, unikernels }: Settings,
    instances: Instances,
    private readonly context: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#notifiers = new Map(
      notifiers.map((configured) => [configured.contribution.name, instances.configured(configured)]),
    );
    const withKeys = unikernels.filter(({ addedKeys }) => Object.keys(addedKeys).length > 0);
    this.#addedKeys = new Map(withKeys.map(({ name, addedKeys }) => [name, addedKeys]));
  }

  /** Passes the hub's events to the notifiers from now on. */
  join(hub: EventHub): void {
    for (const [name, notifier] of this.#notifiers)
      hub.addNotifier(name, notifier, (event) => this.#wants(notifier, event));
  }

  /**
   * Rejects with a problem that only people can solve, for which a notifier can never work.
   * @param connect opens one, as whom it has to be opened
   */
  async open(
    connect: (open: () => Promise<void>, needsRoot: string | undefined) => Promise<void> = (open) => open(),
  ): Promise<void> {
    for (const notifier of this.#notifiers.values()) await connect(async () => notifier.open?.(), notifier.needsRoot);
  }

  /** Closes all notifiers, also after one has failed to open or to close; rejects with the first failure. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled(
      [...this.#notifiers].map(([name, notifier]) =>
        limitedClose(`The notifier ${name}`, async () => notifier.close?.(), this.context),
      ),
    );
    for (const outcome of closed) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** The status of each notifier that has one. */
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
      // The notifier gets the event; if it fails at that, too, the failure is logged.
      return true;
    }
  }
}

/** A notifier whose status fails must not hide the status of the others. */
function statusOf(notifier: Notifier): NotifierStatus | undefined {
  try {
    return notifier.status?.();
  } catch (error) {
    return { connected: false, detail: `it fails to tell its status: ${errorMessage(error)}` };
  }
}
