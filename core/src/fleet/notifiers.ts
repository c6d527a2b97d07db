import type { Settings } from '../config/settings.js';
import type { LifecycleEvent } from '../contracts/lifecycle-event.js';
import type { Notifier } from '../contracts/notifier.js';
import type { StatusReport } from '../control/status-report.js';
import type { Instances } from './instances.js';
import type { EventHub } from '../telemetry/event-hub.js';

/** The notifier that the key `useSynjitsu` of a unikernel is about. */
const SYNJITSU = 'synjitsu';

/** All notifiers of the configuration, by their names. */
export class Notifiers {
  readonly #notifiers: ReadonlyMap<string, Notifier>;
  /** Of whom Synjitsu is not told. */
  readonly #notForSynjitsu: ReadonlySet<string>;

  /** Makes them, and opens nothing. */
  constructor({ notifiers, unikernels }: Settings, instances: Instances) {
    this.#notifiers = new Map(
      notifiers.map((configured) => [configured.contribution.name, instances.configured(configured)]),
    );
    this.#notForSynjitsu = new Set(unikernels.filter(({ useSynjitsu }) => !useSynjitsu).map(({ name }) => name));
  }

  /** From now on they are told what the hub announces. */
  join(hub: EventHub): void {
    for (const [name, notifier] of this.#notifiers) {
      if (name === SYNJITSU) hub.addNotifier(name, notifier, (event) => this.#isForSynjitsu(event));
      else hub.addNotifier(name, notifier);
    }
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

  status(): StatusReport['notifiers'] {
    return [...this.#notifiers].flatMap(([name, notifier]) => {
      const status = notifier.status?.();
      return status === undefined ? [] : [{ name, ...status }];
    });
  }

  #isForSynjitsu({ unikernel }: LifecycleEvent): boolean {
    return !this.#notForSynjitsu.has(unikernel);
  }
}
