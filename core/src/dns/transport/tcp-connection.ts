import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import type { Clock } from '../../contracts/clock.js';
import type { DnsClient } from '../../contracts/resolver.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { frame, FrameReader } from '../wire/frame-reader.js';
import type { MessageHandler } from './udp-transport.js';

/** Pending queries per connection; above it reading pauses, which slows the client down. */
const MOST_WAITING = 128;

/** Unsent response bytes per TCP client at which the connection is closed. */
const MOST_UNSENT = 262_144;

/**
 * One client's TCP connection: takes pipelined queries, and sends each answer when it is known, so that a slow answer
 * delays no other (RFC 7766, 6.2.1.1 and 7).
 */
export class TcpConnection {
  private readonly frames = new FrameReader();
  private readonly gone = new AbortController();
  /** How long a message may take to arrive, and a response to be sent. */
  private readonly arriving: StallTimer;
  private readonly leaving: StallTimer;
  private waiting = 0;
  private halfClosed = false;
  private ending = false;
  private idleTimer: Disposable | undefined;
  private tooSlow = false;
  /** Resolves when the socket is closed; with `slow` where the client reads or writes too slowly. */
  readonly closed: Promise<'slow' | undefined>;

  constructor(
    private readonly socket: Socket,
    readonly client: DnsClient,
    private readonly handler: MessageHandler,
    private readonly clock: Clock,
    private readonly idle: Milliseconds,
  ) {
    this.arriving = new StallTimer(clock, idle, () => this.giveUp());
    this.leaving = new StallTimer(clock, idle, () => this.giveUp());
    this.closed = new Promise((resolve) => socket.once('close', () => resolve(this.tooSlow ? 'slow' : undefined)));
    socket.setNoDelay(true);
    // Every query of the connection listens to this signal.
    setMaxListeners(0, this.gone.signal);
    socket.on('data', (chunk) => this.read(chunk));
    socket.on('end', () => this.onEnd());
    // A connection's error needs no handling: 'close' follows, and ends everything.
    socket.on('error', () => {});
    socket.once('close', () => this.onClose());
    this.restartIdleTimer();
  }

  /** Whether no answer is pending. */
  get isIdle(): boolean {
    return this.waiting === 0;
  }

  /** Takes no more queries, and closes when the pending answers have been sent. The client must read them. */
  end(): void {
    this.ending = true;
    if (this.waiting > 0) return;
    if (this.socket.writableLength > 0) this.destroy();
    else this.socket.end(() => this.destroy());
  }

  destroy(): void {
    this.socket.destroy();
  }

  private read(chunk: Uint8Array): void {
    if (this.ending) return;
    for (const message of this.frames.push(chunk)) {
      this.arriving.stop();
      this.take(message);
      if (this.socket.destroyed) return;
    }
    if (this.waiting >= MOST_WAITING) {
      // From here on the delay of further data is ours, not the client's.
      this.socket.pause();
      this.arriving.stop();
    } else if (this.frames.isWithin) {
      this.arriving.start();
    }
  }

  private take(message: Uint8Array): void {
    this.idleTimer?.[Symbol.dispose]();
    const reply = this.handler(message, this.client, this.gone.signal);
    if (!(reply instanceof Promise)) return this.give(reply);
    this.waiting += 1;
    void reply.then((later) => {
      this.waiting -= 1;
      this.give(later);
    });
  }

  private give(reply: Uint8Array | undefined): void {
    if (this.socket.destroyed) return;
    if (reply !== undefined) this.send(reply);
    if (this.socket.writableLength > MOST_UNSENT) return this.giveUp();
    if (this.waiting < MOST_WAITING && this.socket.isPaused()) {
      this.socket.resume();
      if (this.frames.isWithin) this.arriving.start();
    }
    if (this.waiting > 0) return;
    this.restartIdleTimer();
    if (this.ending) this.end();
    else if (this.halfClosed) this.socket.end();
  }

  private send(reply: Uint8Array): void {
    this.socket.write(frame(reply), () => {
      this.leaving.stop();
      if (this.socket.writableLength > 0 && !this.socket.destroyed) this.leaving.start();
    });
    if (this.socket.writableLength > 0) this.leaving.start();
  }

  private giveUp(): void {
    this.tooSlow = true;
    this.destroy();
  }

  private onEnd(): void {
    this.halfClosed = true;
    if (this.waiting === 0) this.socket.end();
  }

  private onClose(): void {
    for (const timer of [this.idleTimer, this.arriving, this.leaving]) timer?.[Symbol.dispose]();
    this.gone.abort(new Error('the connection is gone'));
  }

  private restartIdleTimer(): void {
    this.idleTimer = this.clock.after(this.idle, () => this.destroy());
  }
}

/** Calls back when expected progress does not happen in time. */
export class StallTimer implements Disposable {
  private timer: Disposable | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly limit: Milliseconds,
    private readonly onStall: () => void,
  ) {}

  /** Starts to wait for progress; where it waits already, the time goes on. */
  start(): void {
    this.timer ??= this.clock.after(this.limit, this.onStall);
  }

  /** Progress was made: nothing is expected until the next `start`. */
  stop(): void {
    this.timer?.[Symbol.dispose]();
    this.timer = undefined;
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}
