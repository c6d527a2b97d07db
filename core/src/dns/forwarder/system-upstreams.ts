import { watch, type FSWatcher } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname } from 'node:path';
import type { Endpoint } from '../../net/endpoint.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { errorCode, errorMessage } from '../../errors.js';
import { endpointText } from '../../net/endpoint.js';

/** The time without a change after which the file is read again: editors write in several steps. */
const SETTLING: Milliseconds = 100;

/** The time between two looks at a file of whose changes nobody has told. */
const LOOK_PAUSE: Milliseconds = 1_000;

/** The system's own name servers, read from a resolv.conf and read again whenever it changes. */
export class SystemUpstreams {
  private endpoints: readonly Endpoint[] = [];
  private watchers: FSWatcher[] = [];
  private settling: Disposable | undefined;
  private isOpen = false;
  private lookedAt: Milliseconds = -Infinity;
  /** What tells the file that was read from any other. */
  private version = '';

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

  /**
   * Reads the file again if it is another one than was read: no event tells of what is mounted on it, or of changes by
   * another machine. Called when nobody who is named in it has answered.
   */
  async lookAgain(): Promise<void> {
    const now = this.deps.clock.now();
    if (now - this.lookedAt < LOOK_PAUSE) return;
    this.lookedAt = now;
    if ((await this.currentVersion()) !== this.version && this.isOpen) await this.load();
  }

  close(): void {
    this.isOpen = false;
    this.settling?.[Symbol.dispose]();
    this.unwatch();
  }

  private async load(): Promise<void> {
    // Watching starts first, so that no change is missed between reading and watching.
    await this.watchFile();
    this.version = await this.currentVersion();
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

  private async currentVersion(): Promise<string> {
    const found = await stat(this.path, { bigint: true }).catch(() => undefined);
    return found === undefined ? '' : [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join();
  }

  /**
   * Watches the folders, because the file itself is usually replaced; two folders, because it is often a symbolic link;
   * and the file, because one that is mounted from elsewhere changes in place, of which no folder here hears.
   */
  private async watchFile(): Promise<void> {
    const target = await realpath(this.path).catch(() => this.path);
    this.unwatch();
    if (!this.isOpen) return;
    for (const place of new Set([dirname(this.path), dirname(target), target])) {
      try {
        const watcher = watch(place, { persistent: false }, () => this.changed());
        this.watchers.push(watcher);
        watcher.on('error', (error) => this.cannotWatch(place, error));
      } catch (error) {
        // A file that is missing appears in its folder.
        if (place !== target || errorCode(error) !== 'ENOENT') this.cannotWatch(place, error);
      }
    }
  }

  private cannotWatch(place: string, error: unknown): void {
    this.deps.logger.warn({ folder: place }, `changes of ${this.path} will not be noticed: ${errorMessage(error)}`);
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
