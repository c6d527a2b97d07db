import { JitsuError, type Clock, type Logger } from '@jitsud/core/plugin';
import { Xenstore } from '@jitsud/xenstore';
import { LibxlConnection } from './libxl-connection.js';
import { noLibxl, obstacles, noXen } from './xen-obstacles.js';

/** Special watches that fire when domains are introduced, and when they stop or go. */
const EVENTS = ['@introduceDomain', '@releaseDomain'];

export interface XenListener {
  /** A domain was created, has stopped or is gone, or this may have happened. */
  onChange(): void;
  /** Calls fail from now on; `onChange` follows when they work again. */
  onLost(reason: JitsuError): void;
}

/** This host's Xen: its store, which reports changes, and libxl. */
export class XenHost {
  readonly libxl: LibxlConnection;
  #xenstore: Xenstore | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly listener: XenListener,
  ) {
    this.libxl = new LibxlConnection(clock, logger);
  }

  /** @throws JITSU_BACKEND_UNREACHABLE while it is not open */
  get xenstore(): Xenstore {
    if (this.#xenstore) return this.#xenstore;
    throw new JitsuError('JITSU_BACKEND_UNREACHABLE', 'libxl is not connected.');
  }

  /** @throws JITSU_BACKEND_UNREACHABLE with every obstacle that was found */
  async open(): Promise<void> {
    if (this.#xenstore) return;
    const found = await obstacles();
    if (found.length > 0) throw noXen(found);
    try {
      await this.libxl.open();
      this.#xenstore = await Xenstore.open({
        clock: this.clock,
        logger: this.logger,
        onLost: (reason) => this.listener.onLost(reason),
        onBack: () => {
          // libxl has its own connection to xenstored, and never reopens it.
          this.libxl.renew();
          this.listener.onChange();
        },
      });
      for (const event of EVENTS) await this.#xenstore.watch(event, () => this.listener.onChange());
    } catch (error) {
      await this.close();
      throw noLibxl(error);
    }
  }

  /** Closes everything; guests keep running. */
  async close(): Promise<void> {
    const xenstore = this.#xenstore;
    this.#xenstore = undefined;
    await Promise.all([xenstore?.close(), this.libxl.close()]);
  }
}
