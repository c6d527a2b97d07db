import { JitsuError, type Clock, type Logger } from '@jitsud/core/plugin';
import { Xenstore } from '@jitsud/xenstore';
import { LibxlConnection } from './libxl-connection.js';
import { noLibxl, obstacles, noXen } from './xen-obstacles.js';

/** Each changes when domains come, and when they stop or go. */
const EVENTS = ['@introduceDomain', '@releaseDomain'];

export interface XenListener {
  /** Some domain has come, stopped or gone, or may have. */
  onChange(): void;
  /** Nothing can be asked any more; a change follows when it can again. */
  onLost(reason: JitsuError): void;
}

/** This host's Xen: its store, which tells of changes, and libxl. */
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

  /** @throws JITSU_BACKEND_UNREACHABLE with everything that was found missing */
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
          // libxl has a connection of its own to xenstored, and never opens it again.
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

  /** Lets go of everything; guests run on. */
  async close(): Promise<void> {
    const xenstore = this.#xenstore;
    this.#xenstore = undefined;
    await Promise.all([xenstore?.close(), this.libxl.close()]);
  }
}
