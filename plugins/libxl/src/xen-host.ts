import { JitsuError, type Clock, type Logger } from '@jitsud/core/plugin';
import { Xenstore } from '@jitsud/xenstore';
import { Domains } from './domains.js';
import { GuestDomain } from './guest-domain.js';
import type { GuestPlan } from './guest.js';
import { LibxlConnection } from './libxl-connection.js';
import { SavedMemory } from './saved-memory.js';
import { noLibxl, obstacles, noXen, type XenPlaces } from './xen-obstacles.js';

/** Special watches that fire when domains are introduced, and when they stop or go. */
const EVENTS = ['@introduceDomain', '@releaseDomain'];

/** The size of a page of Xen, in bytes. */
const PAGE = 4_096;

export interface XenListener {
  /** A domain was created, has stopped or is gone, or this may have happened. */
  onChange(): void;
  /** Calls fail from now on; `onChange` follows when they work again. */
  onLost(reason: JitsuError): void;
}

/** What stands in for Xen's own parts in tests. */
export interface XenParts {
  /** The URL of the program of libxl's process. */
  readonly program?: string;
  readonly places?: XenPlaces;
  /** The folder with the network interfaces of the host. */
  readonly interfaces?: string;
}

/** This host's Xen: its store, which reports changes, and libxl. */
export class XenHost {
  readonly #libxl: LibxlConnection;
  readonly #domains: Domains;
  readonly #saves: SavedMemory;
  #xenstore: Xenstore | undefined;

  /** @param saves the folder for the memory of suspended guests */
  constructor(
    saves: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly listener: XenListener,
    private readonly parts: XenParts = {},
  ) {
    this.#libxl = new LibxlConnection(clock, logger, parts.program === undefined ? undefined : new URL(parts.program));
    this.#domains = new Domains(() => this.#openXenstore(), clock);
    this.#saves = new SavedMemory(saves);
  }

  guest(plan: GuestPlan): GuestDomain {
    const { logger } = this;
    return new GuestDomain(plan, { libxl: this.#libxl, domains: this.#domains, saves: this.#saves, logger });
  }

  /** @throws JITSU_BACKEND_FAILED with every obstacle that was found, JITSU_BACKEND_UNREACHABLE where all may pass */
  async open(): Promise<void> {
    if (this.#xenstore) return;
    const found = await obstacles(this.parts.places);
    if (found.length > 0) throw noXen(found);
    try {
      await this.#libxl.open();
      this.#xenstore = await Xenstore.open({
        clock: this.clock,
        logger: this.logger,
        onLost: (reason) => this.listener.onLost(reason),
        onBack: () => {
          // libxl has its own connection to xenstored, and never reopens it.
          this.#libxl.renew();
          this.listener.onChange();
        },
      });
      for (const event of EVENTS) await this.#xenstore.watch(event, () => this.listener.onChange());
    } catch (error) {
      await this.close();
      throw noLibxl(error);
    }
  }

  /** The memory of the whole host, in bytes: dom0 sees its own alone. @throws CallFailed */
  async memory(): Promise<number | undefined> {
    const { total_pages: pages } = JSON.parse((await this.#libxl.call('host')) ?? '{}') as { total_pages?: unknown };
    return typeof pages === 'number' ? pages * PAGE : undefined;
  }

  /** Closes everything; guests keep running. */
  async close(): Promise<void> {
    const xenstore = this.#xenstore;
    this.#xenstore = undefined;
    await Promise.all([xenstore?.close(), this.#libxl.close()]);
  }

  #openXenstore(): Xenstore {
    if (this.#xenstore) return this.#xenstore;
    throw new JitsuError('JITSU_BACKEND_UNREACHABLE', 'libxl is not connected.');
  }
}
