import type { Socket } from 'node:net';
import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { readUint16 } from '../wire/bytes.js';
import { frame, FrameReader } from '../wire/frame-reader.js';
import { HEADER_LENGTH } from '../wire/header.js';
import type { RandomSource } from './random-source.js';
import type { ReplyListener } from './upstream-message.js';
import type { StreamConnector } from './stream-connector.js';

/** Connections to one upstream. One serves nearly all queries; another is opened when all are full. */
const MOST_CONNECTIONS = 8;

/** Queries in flight on one connection. */
const MOST_QUERIES = 256;

/** How often a query is resent on another connection, and how often in a row after connections without any reply. */
const MOST_LOSSES = 8;
const MOST_FRUITLESS = 2;

/** The time for which a connection stays open after its last reply (RFC 7766, 6.2.3). */
const IDLE: Milliseconds = 10_000;

interface StreamContext {
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** A query on its way over connections to one upstream. */
export class StreamQuery {
  /** The message behind its length. The connection sets the id. */
  readonly framed: Uint8Array;
  connection: StreamConnection | undefined;
  id = 0;
  /** The number of connections that have ended with this query in flight. */
  losses = 0;
  /** The number of them, in a row, that had brought no reply to any query. */
  fruitless = 0;
  /** Whether its reply is not needed any more. */
  abandoned = false;

  constructor(
    message: Uint8Array,
    readonly listener: ReplyListener,
  ) {
    this.framed = frame(message);
  }

  /** Its reply is not needed any more. */
  abandon(): void {
    this.abandoned = true;
    this.connection?.release(this.id);
  }
}

/** The connections to one upstream: kept open, and shared by all queries. */
export class StreamPool {
  private readonly connections = new Set<StreamConnection>();
  private closed: Error | undefined;

  constructor(
    private readonly connector: StreamConnector,
    private readonly context: StreamContext,
  ) {}

  /**
   * Sends a query. If its connection ends before the reply, the query is sent again on a new one (RFC 7766, 6.2.4):
   * once, and more often as long as each connection brings a reply to some query.
   */
  send(query: StreamQuery): void {
    if (query.abandoned) return;
    const connection = this.closed === undefined ? this.withRoom() : undefined;
    if (connection !== undefined) connection.send(query);
    else query.listener.onLost(this.closed ?? new Error('too many queries wait on its connections'));
  }

  /**
   * Called when a query sent at `sentAt` waits for long: connections that have received nothing since get no further
   * query, as their way may have changed. Returns whether there was one.
   */
  leaveSilent(sentAt: Milliseconds): boolean {
    let isSilent = false;
    for (const connection of this.connections) isSilent = connection.leaveIfSilent(sentAt) || isSilent;
    return isSilent;
  }

  /** Called when a query sent at `sentAt` timed out: closes the connections that have received nothing since. */
  closeSilent(sentAt: Milliseconds): void {
    for (const connection of [...this.connections]) connection.closeIfSilent(sentAt);
  }

  /** Closes all at once; queries in flight fail for this reason. */
  close(reason: Error): void {
    this.closed = reason;
    for (const connection of [...this.connections]) connection.close(reason);
  }

  private withRoom(): StreamConnection | undefined {
    for (const connection of this.connections) if (connection.hasRoom) return connection;
    return this.connections.size < MOST_CONNECTIONS ? this.open() : undefined;
  }

  private open(): StreamConnection {
    const connection: StreamConnection = new StreamConnection(this.connector, this.context, (left, reason, retry) => {
      this.connections.delete(connection);
      for (const query of left) {
        const again = retry && query.losses < MOST_LOSSES && query.fruitless < MOST_FRUITLESS;
        if (again) this.send(query);
        else if (!query.abandoned) query.listener.onLost(reason);
      }
    });
    this.connections.add(connection);
    return connection;
  }
}

/**
 * One connection with many queries in flight, whose replies come in any order (RFC 7766, 6.2.1.1 and 7). No byte of a
 * query is sent before the connection is ready: over TLS, before the certificate was accepted.
 */
class StreamConnection {
  private readonly socket: Socket;
  private readonly frames = new FrameReader();
  private readonly queries = new Map<number, StreamQuery>();
  private ready = false;
  private replies = 0;
  private heardAt: Milliseconds;
  private idleSince: Milliseconds = 0;
  private idleTimer: Disposable | undefined;
  private ended = false;
  private silent = false;
  /** Whether it gets no further query. */
  private left = false;
  private reason: Error | undefined;

  constructor(
    connector: StreamConnector,
    private readonly context: StreamContext,
    /** Called once, with the queries that had no reply and whether they may be sent on another connection. */
    private readonly onEnd: (left: readonly StreamQuery[], reason: Error, retry: boolean) => void,
  ) {
    this.heardAt = context.clock.now();
    this.socket = connector.connect();
    this.socket.setNoDelay(true);
    this.socket.once(connector.readyEvent, () => this.begin());
    this.socket.on('data', (chunk) => this.read(chunk));
    this.socket.on('error', (error) => (this.reason ??= connector.explain(error)));
    this.socket.once('close', () => this.finish());
  }

  get hasRoom(): boolean {
    return !this.left && this.queries.size < MOST_QUERIES;
  }

  send(query: StreamQuery): void {
    const { random } = this.context;
    let id = random.uint16();
    while (this.queries.has(id)) id = random.uint16();
    this.queries.set(id, query);
    query.framed[2] = id >> 8;
    query.framed[3] = id & 0xff;
    query.connection = this;
    query.id = id;
    if (this.ready) this.write(query);
  }

  /** The reply with this id is not needed any more. */
  release(id: number): void {
    if (!this.queries.delete(id) || this.queries.size > 0) return;
    this.idleSince = this.context.clock.now();
    if (this.idleTimer === undefined) this.watchIdle(IDLE);
  }

  leaveIfSilent(since: Milliseconds): boolean {
    this.left = this.heardAt <= since;
    return this.left;
  }

  closeIfSilent(since: Milliseconds): void {
    if (this.heardAt > since) return;
    this.silent = true;
    this.close(new Error('the connection was silent'));
  }

  close(reason: Error): void {
    this.reason ??= reason;
    this.socket.destroy();
    this.finish();
  }

  private begin(): void {
    this.ready = true;
    this.heardAt = this.context.clock.now();
    for (const query of this.queries.values()) this.write(query);
  }

  /** What is written in one turn of the event loop is sent together. */
  private write({ framed }: StreamQuery): void {
    if (this.socket.writableCorked === 0) {
      this.socket.cork();
      process.nextTick(() => this.socket.uncork());
    }
    this.socket.write(framed);
  }

  private read(chunk: Uint8Array): void {
    this.heardAt = this.context.clock.now();
    for (const message of this.frames.push(chunk)) {
      const query = message.length < HEADER_LENGTH ? undefined : this.queries.get(readUint16(message, 0));
      if (query === undefined) continue;
      this.replies += 1;
      query.listener.onMessage(message);
    }
  }

  private watchIdle(left: Milliseconds): void {
    this.idleTimer = this.context.clock.after(left, () => {
      this.idleTimer = undefined;
      if (this.queries.size > 0) return;
      const remaining = this.idleSince + IDLE - this.context.clock.now();
      if (remaining > 0) this.watchIdle(remaining);
      else this.close(new Error('idle'));
    });
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    this.idleTimer?.[Symbol.dispose]();
    const left = [...this.queries.values()];
    this.queries.clear();
    const reason = this.reason ?? new Error('the connection was closed without an answer');
    for (const query of left) {
      query.losses += 1;
      query.fruitless = this.replies > 0 ? 0 : query.fruitless + 1;
    }
    this.onEnd(left, reason, this.ready || this.silent);
  }
}
