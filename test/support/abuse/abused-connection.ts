import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { frame, FrameReader } from '#core/dns/wire/frame-reader.js';
import type { Endpoint } from '#core/net/endpoint.js';

/** The longest that an answer is waited for, in milliseconds. */
const PATIENCE = 30_000;

/** A TCP connection to a DNS server that may be used in any way, and knows which answers are still owed to it. */
export class AbusedConnection {
  readonly closed: Promise<void>;
  readonly #owed = new Set<number>();
  #answered: (() => void) | undefined;
  #answers = 0;

  private constructor(readonly socket: Socket) {
    const frames = new FrameReader();
    socket.setNoDelay(true);
    // Whoever does not behave may be thrown out at any time.
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      for (const message of frames.push(chunk)) this.#take(message);
    });
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  /** Resolves to nothing where the server does not take it. */
  static async open({ address, port }: Endpoint): Promise<AbusedConnection | undefined> {
    const socket = connect({ host: address, port, allowHalfOpen: true });
    const connection = new AbusedConnection(socket);
    await Promise.race([once(socket, 'connect').catch(() => undefined), connection.closed]);
    return socket.destroyed ? undefined : connection;
  }

  get answers(): number {
    return this.#answers;
  }

  /** How many answers are missing. */
  get owed(): number {
    return this.#owed.size;
  }

  /** The frame of a query whose answer will be owed, with this id. */
  owe(query: Uint8Array, id: number): Uint8Array {
    this.#owed.add(id);
    const message = Buffer.from(query);
    message.writeUInt16BE(id, 0);
    return frame(message);
  }

  write(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** Resolves when nothing is owed, when the connection is closed, or when it has taken too long. */
  async settled(): Promise<void> {
    const patience = new AbortController();
    const answered = new Promise<void>((resolve) => {
      this.#answered = resolve;
      if (this.owed === 0) resolve();
    });
    const late = sleep(PATIENCE, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([answered, this.closed, late]);
    patience.abort();
  }

  #take(message: Uint8Array): void {
    this.#answers += 1;
    this.#owed.delete(Buffer.from(message).readUInt16BE(0));
    if (this.owed === 0) this.#answered?.();
  }
}
