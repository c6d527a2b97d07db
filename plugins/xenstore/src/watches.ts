import { errorMessage, type Logger } from '@jitsud/core/plugin';
import type { Connection } from './connection.js';
import { MessageType } from './message-type.js';
import { decodeAcknowledgement, encodeStrings } from './payload.js';

/** Receives the path of a change: the watched node, or one below it. */
export type WatchListener = (path: string) => void;

interface Watch {
  readonly path: string;
  readonly listener: WatchListener;
}

/** All watches, which outlive connections. */
export class Watches {
  readonly #watches = new Map<string, Watch>();
  #count = 0;

  constructor(private readonly logger: Logger) {}

  /** Returns the token by which xenstored identifies it. */
  add(path: string, listener: WatchListener): string {
    this.#count += 1;
    const token = `jitsu-${this.#count}`;
    this.#watches.set(token, { path, listener });
    return token;
  }

  /** Returns whether the watch was still there. */
  remove(token: string): boolean {
    return this.#watches.delete(token);
  }

  clear(): void {
    this.#watches.clear();
  }

  /** Sets a watch on a connection. */
  async set(token: string, connection: Connection): Promise<void> {
    const { path } = this.#watches.get(token)!;
    const payload = encodeStrings(path, token);
    const type = MessageType.watch;
    await connection.request({ type, action: `watch ${path}`, payload, decode: decodeAcknowledgement });
  }

  /** Sets all watches on a new connection. */
  async setAll(connection: Connection): Promise<void> {
    await Promise.all([...this.#watches.keys()].map((token) => this.set(token, connection)));
  }

  unset(path: string, token: string, connection: Connection): Promise<void> {
    const payload = encodeStrings(path, token);
    const type = MessageType.unwatch;
    return connection.request({ type, action: `unwatch ${path}`, payload, decode: decodeAcknowledgement });
  }

  /** An event may still be in flight when its watch is gone. */
  readonly tell = (path: string, token: string): void => {
    const watch = this.#watches.get(token);
    try {
      watch?.listener(path);
    } catch (error) {
      // An error of one listener must not cost the others their events.
      this.logger.error({ err: error, path: watch?.path }, `a listener for ${path} failed: ${errorMessage(error)}`);
    }
  };
}
