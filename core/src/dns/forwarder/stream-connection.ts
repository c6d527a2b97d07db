import type { Socket } from 'node:net';
import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { HEADER_LENGTH } from '../wire/header.js';
import { readUint16 } from '../wire/bytes.js';
import { FrameReader } from '../wire/frame-reader.js';
import type { RandomSource } from './random-source.js';
import type { StreamConnector } from './stream-connector.js';
import type { StreamQuery } from './stream-query.js';

/** How many queries may wait on one connection. */
const MOST_WAITING = 256;

/** How long a connection stays open after its last answer (RFC 7766, 6.2.3). */
const IDLE: Milliseconds = 10_000;

/** What a connection shares with its sisters. */
export interface StreamSurroundings {
  readonly clock: Clock;
  readonly random: RandomSource;
}

/**
 * One connection to an upstream, for many queries at once, whose answers come in any order (RFC 7766, 6.2.1.1 and 7). No
 * byte of a query leaves before the connection is ready, over TLS before its certificate has been accepted.
 */
export class StreamConnection {
  private readonly socket: Socket;
  private readonly frames = new FrameReader();
  private readonly queries = new Map<number, StreamQuery>();
  private ready = false;
  private answered = 0;
  private heardAt: Milliseconds;
  private idleSince: Milliseconds = 0;
  private idleTimer: Disposable | undefined;
  private ended = false;
  private silent = false;
  private reason: Error | undefined;

  constructor(
    connector: StreamConnector,
    private readonly around: StreamSurroundings,
    /** Called once; with what was on it, and whether that deserves another connection. */
    private readonly onEnd: (left: readonly StreamQuery[], reason: Error, worthAnother: boolean) => void,
  ) {
    this.heardAt = around.clock.now();
    this.socket = connector.connect();
    this.socket.once(connector.readyEvent, () => this.begin());
    this.socket.on('data', (chunk) => this.read(chunk));
    this.socket.on('error', (error) => (this.reason ??= connector.explain(error)));
    this.socket.once('close', () => this.finish());
  }

  get hasRoom(): boolean {
    return this.queries.size < MOST_WAITING;
  }

  send(query: StreamQuery): void {
    const { random } = this.around;
    let id = random.uint16();
    while (this.queries.has(id)) id = random.uint16();
    this.queries.set(id, query);
    query.framed[2] = id >> 8;
    query.framed[3] = id & 0xff;
    query.release = () => this.release(id);
    if (this.ready) this.write(query);
  }

  /** A query that was sent then has waited in vain: if nothing at all has come since, nothing will. */
  doubt(sentAt: Milliseconds): void {
    if (this.heardAt > sentAt) return;
    this.silent = true;
    this.end(new Error('the connection was silent'));
  }

  /** Closes it at once. */
  end(reason: Error): void {
    this.reason ??= reason;
    this.socket.destroy();
    this.finish();
  }

  private begin(): void {
    this.ready = true;
    this.heardAt = this.around.clock.now();
    for (const query of this.queries.values()) this.write(query);
  }

  /** All that is sent at one turn leaves together. */
  private write({ framed }: StreamQuery): void {
    if (this.socket.writableCorked === 0) {
      this.socket.cork();
      process.nextTick(() => this.socket.uncork());
    }
    this.socket.write(framed);
  }

  private read(chunk: Uint8Array): void {
    this.heardAt = this.around.clock.now();
    for (const message of this.frames.push(chunk)) {
      const query = message.length < HEADER_LENGTH ? undefined : this.queries.get(readUint16(message, 0));
      if (query === undefined) continue;
      this.answered += 1;
      query.waiting.heard(message);
    }
  }

  private release(id: number): void {
    if (!this.queries.delete(id) || this.queries.size > 0 || this.ended) return;
    this.idleSince = this.around.clock.now();
    if (this.idleTimer === undefined) this.watchIdle(IDLE);
  }

  private watchIdle(left: Milliseconds): void {
    this.idleTimer = this.around.clock.after(left, () => {
      this.idleTimer = undefined;
      if (this.queries.size > 0) return;
      const remaining = this.idleSince + IDLE - this.around.clock.now();
      if (remaining > 0) this.watchIdle(remaining);
      else this.end(new Error('idle'));
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
      query.release = undefined;
      query.losses += 1;
      query.fruitless = this.answered > 0 ? 0 : query.fruitless + 1;
    }
    this.onEnd(left, reason, this.ready || this.silent);
  }
}
