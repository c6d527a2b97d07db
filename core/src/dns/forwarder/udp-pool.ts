import type { Endpoint } from '../../net/endpoint.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { readUint16 } from '../wire/bytes.js';
import { HEADER_LENGTH } from '../wire/header.js';
import { mayBeStaleSocket } from './local-error.js';
import type { RandomSource } from './random-source.js';
import type { ReplyListener } from './upstream-message.js';
import type { UdpSocket, UdpSockets } from './udp-socket.js';

/** The source ports that are in use at once for one upstream. */
const PORTS = 32;

/** The number of queries per source port, and its lifetime, before another port replaces it (RFC 5452, 9.2). */
const QUERIES_PER_PORT = 512;
const PORT_LIFE: Milliseconds = 30_000;

/**
 * The source ports for one upstream. A socket per query costs several times as much as the query, so each query uses
 * one of several ports, picked at random, which are replaced before an attacker can have found them out.
 */
export class UdpPool {
  private readonly slots = new Array<{ port: SourcePort; openedAt: Milliseconds } | undefined>(PORTS);
  /** The ports in the slots, and the retired ones with queries in flight. */
  private readonly ports = new Set<SourcePort>();
  private batchIndex = 0;
  /** The batch of datagrams for which `batchIndex` was drawn. */
  private batch: number | undefined;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly random: RandomSource,
    private readonly sockets: UdpSockets,
  ) {}

  /** The port for one more query. @param openedAfter a port that is older is replaced */
  pick(now: Milliseconds, openedAfter: Milliseconds = now - PORT_LIFE): SourcePort {
    const index = this.nextIndex();
    const slot = this.slots[index];
    if (slot?.port.usable === true && slot.port.used < QUERIES_PER_PORT && slot.openedAt > openedAfter)
      return slot.port;
    slot?.port.retire();
    const port = new SourcePort(this.sockets, this.endpoint, this.random, {
      // This machine's addresses and routes have changed for all of them.
      onStale: () => this.leaveOpenedUntil(Infinity),
      onClosed: () => this.ports.delete(port),
    });
    this.ports.add(port);
    this.slots[index] = { port, openedAt: now };
    return port;
  }

  /** Sends no further query from ports that were opened until then. */
  leaveOpenedUntil(time: Milliseconds): void {
    for (const [index, slot] of this.slots.entries()) {
      if (slot === undefined || slot.openedAt > time) continue;
      slot.port.retire();
      this.slots[index] = undefined;
    }
  }

  /** Closes all at once; queries in flight fail for this reason. */
  close(reason: Error): void {
    for (const port of [...this.ports]) port.end(reason);
  }

  /**
   * A random index, the same for all queries of one batch, so that the batch is sent by one call; guessing gets no
   * easier.
   */
  private nextIndex(): number {
    const { batch } = this.sockets;
    if (batch === undefined || batch !== this.batch) {
      this.batch = batch;
      this.batchIndex = this.random.below(PORTS);
    }
    return this.batchIndex;
  }
}

/**
 * A source port, picked at random by the system, for several queries to one upstream. Its socket is connected, so that
 * it receives from no other address. No id is used twice on it, so that a late reply is never taken for another
 * query's.
 */
export class SourcePort {
  private readonly socket: UdpSocket;
  /** By id: each query that was sent from this port, or `undefined` where it waits for no reply any more. */
  private readonly queries = new Map<number, ReplyListener | undefined>();
  private inFlight = 0;
  private retired = false;
  private closed = false;

  constructor(
    sockets: UdpSockets,
    upstream: Endpoint,
    private readonly random: RandomSource,
    private readonly events: { readonly onStale: () => void; readonly onClosed: () => void },
  ) {
    this.socket = sockets.open(upstream, {
      onMessage: (message) => this.receive(message),
      onError: (error, fatal) => this.fail(error, fatal),
    });
  }

  /** The number of queries sent from this port. */
  get used(): number {
    return this.queries.size;
  }

  /** Whether further queries may be sent from this port. */
  get usable(): boolean {
    return !this.closed;
  }

  /** Sends a query with a new id, written into it. Returns the id, which must be released. */
  ask(message: Uint8Array, listener: ReplyListener): number {
    let id = this.random.uint16();
    while (this.queries.has(id)) id = this.random.uint16();
    this.queries.set(id, listener);
    this.inFlight += 1;
    message[0] = id >> 8;
    message[1] = id & 0xff;
    this.send(message);
    return id;
  }

  /** Sends a query again, unchanged. */
  send(message: Uint8Array): void {
    if (!this.closed) this.socket.send(message);
  }

  /** The query with this id waits for no reply any more. */
  release(id: number): void {
    if (this.queries.get(id) === undefined) return;
    this.queries.set(id, undefined);
    this.inFlight -= 1;
    if (this.retired && this.inFlight === 0) this.close();
  }

  /** Closes as soon as no query is in flight. */
  retire(): void {
    this.retired = true;
    if (this.inFlight === 0) this.close();
  }

  /** Closes at once; queries in flight fail for this reason. */
  end(reason: Error): void {
    this.close();
    this.failAll(reason);
  }

  private receive(message: Uint8Array): void {
    const id = message.length < HEADER_LENGTH ? -1 : readUint16(message, 0);
    const listener = this.queries.get(id);
    if (listener !== undefined) listener.onMessage(message);
    // A reply to a query that no longer waits is late, and not an attempt at forgery.
    else if (!this.queries.has(id)) for (const each of this.queries.values()) each?.onForeignMessage();
  }

  /** Handles an error that the system reported on this port, without saying for which query. */
  private fail(error: Error, fatal: boolean): void {
    if (fatal || mayBeStaleSocket(error)) {
      this.close();
      this.events.onStale();
    }
    this.failAll(error);
  }

  private failAll(reason: Error): void {
    for (const listener of this.queries.values()) listener?.onLost(reason);
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.socket.close();
    this.events.onClosed();
  }
}
