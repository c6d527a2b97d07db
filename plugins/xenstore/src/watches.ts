import { errorMessage, type Logger } from '@jitsud/core/plugin';
import type { Connection } from './connection.js';
import { MessageType } from './message-type.js';
import { decodeAcknowledgement, encodeStrings } from './payload.js';

/** Told the path of what has changed: the watched node, or one below it. */
export type WatchListener = (path: string) => void;

interface Watch {
  readonly path: string;
  readonly listener: WatchListener;
}

/** What is watched, whatever becomes of the connection. */
export class Watches {
  readonly #watches = new Map<string, Watch>();
  #count = 0;

  constructor(private readonly logger: Logger) {}

  /** Its token, by which xenstored tells of it. */
  add(path: string, listener: WatchListener): string {
    this.#count += 1;
    const token = `jitsu-${this.#count}`;
    this.#watches.set(token, { path, listener });
    return token;
  }

  /** Whether it was there still. */
  remove(token: string): boolean {
    return this.#watches.delete(token);
  }

  clear(): void {
    this.#watches.clear();
  }

  /** Has a connection tell of a watch. */
  async set(token: string, connection: Connection): Promise<void> {
    const { path } = this.#watches.get(token)!;
    const payload = encodeStrings(path, token);
    const type = MessageType.watch;
    await connection.request({ type, action: `watch ${path}`, payload, decode: decodeAcknowledgement });
  }

  /** Has a new connection tell of all watches. */
  async setAll(connection: Connection): Promise<void> {
    await Promise.all([...this.#watches.keys()].map((token) => this.set(token, connection)));
  }

  unset(path: string, token: string, connection: Connection): Promise<void> {
    const payload = encodeStrings(path, token);
    const type = MessageType.unwatch;
    return connection.request({ type, action: `unwatch ${path}`, payload, decode: decodeAcknowledgement });
  }

  /** An event may still be on its way when its watch is gone. */
  readonly tell = (path: string, token: string): void => {
    const watch = this.#watches.get(token);
    try {
      watch?.listener(path);
    } catch (error) {
      // One listener's mistake must not cost the others their events.
      this.logger.error({ err: error, path: watch?.path }, `a listener for ${path} failed: ${errorMessage(error)}`);
    }
  };
}
