import type { Endpoint } from '../../config/settings.js';
import { HEADER_LENGTH } from '../wire/header.js';
import { readUint16 } from '../wire/bytes.js';
import type { PortSocket } from './port-socket.js';
import type { PortSockets } from './port-sockets.js';
import type { RandomSource } from './random-source.js';
import type { Waiting } from './waiting.js';

/**
 * A port of its own, which the system picks at random, for several queries to one upstream. It is connected, so that
 * nobody else is heard. No id is ever used twice on it, so that a late answer is no other query's.
 */
export class UdpSocket {
  private readonly socket: PortSocket;
  /** By id: all that have waited here; those that do no more as `undefined`. */
  private readonly queries = new Map<number, Waiting | undefined>();
  private unanswered = 0;
  private retired = false;
  private closed = false;

  constructor(
    sockets: PortSockets,
    upstream: Endpoint,
    private readonly random: RandomSource,
    private readonly onClosed: () => void,
  ) {
    this.socket = sockets.open(upstream, {
      onMessage: (message) => this.hear(message),
      onError: (error, fatal) => this.fail(error, fatal),
    });
  }

  /** How many queries have been sent from here. */
  get used(): number {
    return this.queries.size;
  }

  /** Whether it can still be sent from. */
  get usable(): boolean {
    return !this.closed;
  }

  /** Sends a query with a new id, written into it. Gives the id back; it must be released. */
  ask(message: Uint8Array, waiting: Waiting): number {
    let id = this.random.uint16();
    while (this.queries.has(id)) id = this.random.uint16();
    this.queries.set(id, waiting);
    this.unanswered += 1;
    message[0] = id >> 8;
    message[1] = id & 0xff;
    this.send(message);
    return id;
  }

  /** Sends a query again as it is. */
  send(message: Uint8Array): void {
    if (!this.closed) this.socket.send(message);
  }

  /** A query waits no more. */
  release(id: number): void {
    if (this.queries.get(id) === undefined) return;
    this.queries.set(id, undefined);
    this.unanswered -= 1;
    if (this.retired && this.unanswered === 0) this.close();
  }

  /** Closes as soon as nobody waits any more. */
  retire(): void {
    this.retired = true;
    if (this.unanswered === 0) this.close();
  }

  /** Ends all that wait, at once. */
  end(reason: Error): void {
    this.close();
    this.loseAll(reason);
  }

  private hear(message: Uint8Array): void {
    const id = message.length < HEADER_LENGTH ? -1 : readUint16(message, 0);
    const waiting = this.queries.get(id);
    if (waiting !== undefined) waiting.heard(message);
    // The answer to a query that waits no more is late, and nothing worse.
    else if (!this.queries.has(id)) for (const each of this.queries.values()) each?.suspect();
  }

  /** The system has told of an error on this port: for which of the queries, it does not say. */
  private fail(error: Error, fatal: boolean): void {
    if (fatal) this.close();
    this.loseAll(error);
  }

  private loseAll(reason: Error): void {
    for (const waiting of this.queries.values()) waiting?.lost(reason);
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.socket.close();
    this.onClosed();
  }
}
