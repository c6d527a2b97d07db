import {
  CLOCK,
  errorMessage,
  inject,
  LOGGER,
  optionsOf,
  type Clock,
  type LifecycleEvent,
  type LifecycleEventKind,
  type Logger,
  type Notifier,
  type NotifierStatus,
} from '@jitsud/core/plugin';
import { announcementsOf } from './announcements.js';
import { encodeRecord } from './record.js';
import { SynjitsuLink } from './synjitsu-link.js';
import { synjitsuOptions, type SynjitsuKeys, type SynjitsuOptions } from './synjitsu-options.js';

/** The events after which clients may connect to the unikernel. */
const TOLD: ReadonlySet<LifecycleEventKind> = new Set<LifecycleEventKind>(['started', 'resumed', 'unpaused']);

/**
 * Tells a Synjitsu, which accepts connections for booting unikernels, about each that begins to execute. A record that
 * cannot be sent is dropped, and logged.
 */
export class SynjitsuNotifier implements Notifier {
  readonly needsRoot = 'a vchan takes the devices of Xen, which are those of root';
  readonly #link: SynjitsuLink;

  constructor(
    @inject(optionsOf(synjitsuOptions)) { uuid }: SynjitsuOptions,
    @inject(CLOCK) clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#link = new SynjitsuLink(uuid, clock, logger);
  }

  open(): Promise<void> {
    return this.#link.open();
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  status(): NotifierStatus {
    return this.#link.status;
  }

  wants({ kind }: LifecycleEvent, { useSynjitsu = true }: SynjitsuKeys): boolean {
    return useSynjitsu && TOLD.has(kind);
  }

  async notify(event: LifecycleEvent): Promise<void> {
    const { unikernel } = event;
    const { announcements, remark } = announcementsOf(event);
    if (remark !== undefined) {
      const level = announcements.length === 0 ? 'warn' : 'debug';
      this.logger[level]({ unikernel }, announcements.length === 0 ? `Synjitsu is not told: ${remark}` : remark);
    }
    for (const announcement of announcements) {
      const { mac, address } = announcement;
      try {
        await this.#link.send(encodeRecord(announcement));
        this.logger.debug({ unikernel, mac, address }, `Synjitsu has been told that ${address} is at ${mac}`);
      } catch (error) {
        const what = `Synjitsu is not told that ${unikernel} (${address} at ${mac}) boots: ${errorMessage(error)}`;
        this.logger.warn({ unikernel, mac, address }, what);
      }
    }
  }
}
