import type { Clock, Logger } from '@jitsud/core/plugin';
import { LibxlProcess, notOpen } from './libxl-process.js';
import type { Operations } from './native/operations.js';

/** The process that all open connections share. */
let shared: { readonly libxl: LibxlProcess; readonly opened: Promise<void>; users: number } | undefined;

/**
 * A connection to this host's libxl. A host has one Xen, and a process of libxl takes some 50 MiB: all open connections
 * share one, which the first one starts and the last one ends.
 */
export class LibxlConnection {
  #libxl: LibxlProcess | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
    /** The program of the process, for tests. */
    private readonly program: URL | undefined,
  ) {}

  /** The version of Xen, as 4.17; empty while the connection is not open. */
  get version(): string {
    return this.#libxl?.version ?? '';
  }

  /** @throws CallFailed */
  async open(): Promise<void> {
    if (this.#libxl) return;
    if (shared === undefined) {
      const libxl = new LibxlProcess(this.clock, this.logger, this.program);
      shared = { libxl, opened: libxl.open(), users: 0 };
    }
    const { libxl, opened } = shared;
    shared.users += 1;
    this.#libxl = libxl;
    try {
      await opened;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Calls in flight are still carried out. */
  async close(): Promise<void> {
    const libxl = this.#libxl;
    if (libxl === undefined || shared === undefined) return;
    this.#libxl = undefined;
    shared.users -= 1;
    if (shared.users > 0) return;
    shared = undefined;
    await libxl.close();
  }

  /** Later calls go to a new process. */
  renew(): void {
    this.#libxl?.renew();
  }

  /**
   * Calls an operation of libxl.
   * @throws CallFailed for what libxl refuses, and when its process dies meanwhile
   * @throws JITSU_BACKEND_UNREACHABLE while the connection is not open
   */
  async call<Name extends keyof Operations>(
    operation: Name,
    ...parameters: Parameters<Operations[Name]>
  ): Promise<Awaited<ReturnType<Operations[Name]>>> {
    if (this.#libxl === undefined) throw notOpen();
    return this.#libxl.call(operation, ...parameters);
  }
}
