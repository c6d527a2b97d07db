import { watch, type FSWatcher } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import type { Endpoint } from '../../net/endpoint.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { errorMessage } from '../../errors.js';
import { endpointText } from '../../net/endpoint.js';

/** The time without a change after which the file is read again: editors write in several steps. */
const SETTLING: Milliseconds = 100;

/** The system's own name servers, read from a resolv.conf and read again whenever it changes. */
export class SystemUpstreams {
  private endpoints: readonly Endpoint[] = [];
  private watchers: FSWatcher[] = [];
  private settling: Disposable | undefined;
  private isOpen = false;

  constructor(
    private readonly path: string,
    private readonly port: number,
    private readonly deps: { readonly clock: Clock; readonly logger: Logger },
  ) {}

  /** In the file's order. The array is replaced when the file changes. */
  get current(): readonly Endpoint[] {
    return this.endpoints;
  }

  async open(): Promise<void> {
    this.isOpen = true;
    await this.load();
  }

  close(): void {
    this.isOpen = false;
    this.settling?.[Symbol.dispose]();
    this.unwatch();
  }

  private async load(): Promise<void> {
    // Watching starts first, so that no change is missed between reading and watching.
    await this.watchFolders();
    const { logger } = this.deps;
    const addresses = await readFile(this.path, 'utf8').then(parseResolvConf, (error: unknown) => {
      logger.warn(
        { file: this.path },
        `cannot read the system's name servers, keeping those known: ${errorMessage(error)}`,
      );
      return undefined;
    });
    if (addresses === undefined) return;
    if (addresses.length === 0) {
      logger.warn({ file: this.path }, 'no name server in this file, keeping those known');
      return;
    }
    const endpoints = addresses.map((address) => ({ address, port: this.port }));
    const changed = endpoints.map(endpointText).join() !== this.endpoints.map(endpointText).join();
    this.endpoints = endpoints;
    if (changed) logger.info({ upstreams: endpoints.map(endpointText) }, "forwarding to the system's name servers");
  }

  /**
   * Watches the folders, because the file itself is usually replaced; two folders, because it is often a symbolic link.
   */
  private async watchFolders(): Promise<void> {
    const target = await realpath(this.path).catch(() => this.path);
    this.unwatch();
    if (!this.isOpen) return;
    for (const folder of new Set([dirname(this.path), dirname(target)])) {
      try {
        const watcher = watch(folder, { persistent: false }, () => this.changed());
        this.watchers.push(watcher);
        watcher.on('error', (error) => this.cannotWatch(folder, error));
      } catch (error) {
        this.cannotWatch(folder, error);
      }
    }
  }

  private cannotWatch(folder: string, error: unknown): void {
    this.deps.logger.warn({ folder }, `changes of ${this.path} will not be noticed: ${errorMessage(error)}`);
  }

  private changed(): void {
    this.settling?.[Symbol.dispose]();
    this.settling = this.deps.clock.after(SETTLING, () => void this.load());
  }

  private unwatch(): void {
    for (const watcher of this.watchers) watcher.close();
    this.watchers = [];
  }
}

/**
 * The addresses of the `nameserver` lines of a resolv.conf, in order, each once (resolv.conf(5)). An IPv6 address may
 * name its interface (`fe80::1%eth0`). Comments, other keywords and invalid addresses are skipped.
 */
export function parseResolvConf(text: string): string[] {
  const addresses = text.split('\n').flatMap((line) => {
    const [keyword, address = ''] = line.trim().split(/\s+/);
    return keyword === 'nameserver' && isIP(address) !== 0 ? [address] : [];
  });
  return [...new Set(addresses)];
}
