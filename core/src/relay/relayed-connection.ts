import { connect, type Socket } from 'node:net';
import type { RelayedPort } from '../config/relay.js';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode } from '../errors.js';
import { isOwnAddress, plainAddress } from '../net/own-address.js';
import { resetConnection } from '../net/reset-connection.js';
import { isSelfConnected } from '../net/self-connected.js';
import { proxyHeader } from './proxy-header.js';
import type { RelayBudget } from './relay-budget.js';
import type { Counted, Held, RelayedService } from './relayed-service.js';
import { RequestHead, UNAVAILABLE, type IgnoreRules } from './request-head.js';

/** The most bytes that are read of a client who waits; the rest stays with the kernel. */
const MOST_WAITING = 16_384;

/** The unsent bytes of one direction from which on its source is not read. */
const MOST_UNSENT = 131_072;

/** How long a program is tried again that refuses connections, and one that does not answer. */
const REFUSED_PATIENCE: Milliseconds = 1_000;
const SILENT_PATIENCE: Milliseconds = 5_000;

/** The pause between two attempts. */
const ATTEMPT_PAUSE: Milliseconds = 20;

/** How long the first request of a client is waited for, before it knocks without having been looked at. */
const HEAD_PATIENCE: Milliseconds = 2_000;

/** How long a client may take to close, who was told that the service does not run. */
const FAREWELL: Milliseconds = 2_000;

const KEEP_ALIVE_AFTER: Milliseconds = 60_000;

export interface ConnectionContext {
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly budget: RelayBudget;
  readonly ignore?: IgnoreRules | undefined;
  /** There is one connection or flow more. */
  taken(): void;
}

/**
 * A client's connection and the one to the program behind the relay. Bytes, the end of each direction and resets are
 * passed on; what one side does not take is not read from the other.
 */
export class RelayedConnection implements Held, Counted {
  readonly protocol = 'tcp';
  readonly from: string;
  readonly openedAt: Milliseconds;
  lastPayload: Milliseconds = -Infinity;
  /** `deciding`: its first request is waited for; `ending`: nothing is relayed any more. */
  #phase: 'deciding' | 'held' | 'connecting' | 'open' | 'ending' = 'connecting';
  #target: Socket | undefined;
  /** What the client has sent that has not reached the target. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #hasClientEnded = false;
  /** Absent once it is known whether the first request is ignored. */
  #head: RequestHead | undefined;
  #isIgnoredRequest = false;
  readonly #isIgnoredClient: boolean;
  #timer: Disposable | undefined;
  #openSockets = 1;

  constructor(
    private readonly client: Socket,
    private readonly relayed: RelayedPort,
    private readonly service: RelayedService,
    private readonly context: ConnectionContext,
  ) {
    this.from = client.remoteAddress ?? '';
    this.openedAt = context.clock.now();
    this.#isIgnoredClient = service.ignores(this.from);
    if (context.ignore !== undefined) this.#head = new RequestHead(context.ignore);
    client.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_AFTER);
    client.on('data', (chunk) => this.#onClientData(chunk));
    client.on('end', () => this.#onClientEnd());
    client.on('drain', () => this.#target?.resume());
    client.on('error', () => this.cut());
    client.on('close', () => this.#onClose());
    service.connections.add(this);
    if (service.isArmed) this.#wait();
    else this.#connect();
  }

  get port(): number {
    return this.relayed.listen.port;
  }

  get isUse(): boolean {
    return !this.#isIgnoredClient && !this.#isIgnoredRequest;
  }

  /** When payload came last, or it was opened. */
  get lastChange(): Milliseconds {
    return Math.max(this.openedAt, this.lastPayload);
  }

  hold(): void {
    if (this.#phase !== 'connecting') return;
    this.#stopTimer();
    this.#abandonTarget();
    this.#wait();
  }

  go(): void {
    if (this.#phase === 'held' || this.#phase === 'deciding') {
      this.#stopTimer();
      this.#connect();
    } else if (this.#phase === 'open' && this.#waiting.length > 0) this.#flush();
  }

  refuse(): void {
    this.cut();
  }

  /** Resets both sides. */
  cut(): void {
    this.#leave();
    if (this.#target !== undefined) resetConnection(this.#target);
    resetConnection(this.client);
  }

  refuseLost(): void {
    if (this.#phase !== 'open') return;
    // The end of a program of this machine shows by itself, behind all that it has sent.
    if (this.#waiting.length > 0 || !isOwnAddress(plainAddress(this.relayed.to.address))) this.cut();
  }

  pass(): void {
    if (this.#phase !== 'open' || this.#waiting.length === 0) return;
    this.service.forget(this);
    this.#flush();
  }

  #wait(): void {
    this.#phase = this.#head === undefined ? 'held' : 'deciding';
    if (this.context.budget.isFull) this.client.pause();
    if (this.#phase === 'deciding') {
      this.#timer = this.context.clock.after(HEAD_PATIENCE, () => this.#decide(false));
    } else if (this.#isIgnoredRequest) this.#tellUnavailable();
    else this.service.hold(this);
  }

  /** It is known whether the first request is ignored. */
  #decide(isIgnored: boolean): void {
    this.#head = undefined;
    this.#isIgnoredRequest = isIgnored;
    if (this.isUse) this.service.used(this.lastPayload);
    if (this.#phase !== 'deciding') return;
    this.#stopTimer();
    if (this.service.isArmed) this.#wait();
    else this.#connect();
  }

  #tellUnavailable(): void {
    this.#leave();
    this.client.resume();
    this.client.end(UNAVAILABLE);
    this.#timer = this.context.clock.after(FAREWELL, () => this.client.destroy());
  }

  #connect(): void {
    this.#phase = 'connecting';
    const { clock } = this.context;
    const begin = clock.now();
    const attempt = (): void => {
      const { address, port } = this.relayed.to;
      const target = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
      this.#target = target;
      this.#openSockets += 1;
      target.on('close', () => this.#onClose());
      target.on('error', (error) => {
        if (target !== this.#target) return;
        if (this.#phase === 'connecting') again(errorCode(error));
        else this.cut();
      });
      target.on('connect', () => {
        if (target !== this.#target || this.#phase !== 'connecting') return void target.destroy();
        // Where nobody listens, an attempt on the same machine may meet itself.
        if (isSelfConnected(target)) return again('ECONNREFUSED');
        this.#stopTimer();
        this.#open(target);
      });
    };
    const again = (code: string | undefined): void => {
      this.#stopTimer();
      this.#abandonTarget();
      if (clock.now() - begin >= (code === 'ECONNREFUSED' ? REFUSED_PATIENCE : SILENT_PATIENCE)) return this.cut();
      this.#timer = clock.after(ATTEMPT_PAUSE, () => {
        limit();
        attempt();
      });
    };
    const limit = (): void => {
      this.#timer = clock.after(begin + SILENT_PATIENCE - clock.now(), () => this.cut());
    };
    limit();
    attempt();
  }

  #abandonTarget(): void {
    const target = this.#target;
    this.#target = undefined;
    target?.destroy();
  }

  #open(target: Socket): void {
    this.#phase = 'open';
    target.setKeepAlive(true, KEEP_ALIVE_AFTER);
    target.on('data', (chunk) => this.#onTargetData(chunk));
    target.on('end', () => this.client.end());
    target.on('drain', () => this.#resumeClient());
    if (this.relayed.proxyProtocol) target.write(this.#header());
    this.#flush();
  }

  #header(): Buffer {
    const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = this.client;
    const { listen } = this.relayed;
    // A client that has been reset has no address any more.
    if (remoteAddress === '' || localAddress === '') return proxyHeader(listen, listen);
    return proxyHeader({ address: remoteAddress, port: remotePort }, { address: localAddress, port: localPort });
  }

  /** Passes on what has waited, and reads on. */
  #flush(): void {
    const target = this.#target as Socket;
    const waiting = this.#forgetWaiting();
    for (const chunk of waiting) target.write(chunk);
    if (this.#hasClientEnded) target.end();
    if (target.writableLength <= MOST_UNSENT) this.client.resume();
    else this.client.pause();
  }

  #onClientData(chunk: Buffer): void {
    if (this.#phase === 'ending') return;
    this.lastPayload = this.context.clock.now();
    if (this.#head !== undefined) this.#look(chunk);
    else if (this.isUse) this.service.used(this.lastPayload);
    // What the look has decided may have ended it.
    if ((this.#phase as string) === 'ending') return;
    if (this.#phase !== 'open' || this.service.holdsConnections) return this.#keep(chunk);
    const target = this.#target as Socket;
    if (!target.write(chunk) && target.writableLength > MOST_UNSENT) this.client.pause();
  }

  #look(chunk: Buffer): void {
    const isIgnored = this.#head?.isIgnored(chunk);
    if (isIgnored !== undefined) this.#decide(isIgnored);
  }

  #keep(chunk: Buffer): void {
    const { budget } = this.context;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    budget.hold(chunk.length);
    if (this.#waitingBytes >= MOST_WAITING || budget.isFull) this.client.pause();
    // The connection of a machine that is suspended survives, and what comes by it wakes the machine.
    if (this.#phase === 'open') this.service.hold(this);
  }

  #onTargetData(chunk: Buffer): void {
    this.lastPayload = this.context.clock.now();
    // Who waits for the service to speak first makes no request by HTTP.
    if (this.#head !== undefined && this.#waitingForNothing) this.#decide(false);
    if (this.isUse && this.#head === undefined) this.service.used(this.lastPayload);
    if (!this.client.write(chunk) && this.client.writableLength > MOST_UNSENT) this.#target?.pause();
  }

  /** Whether the client has sent nothing yet. */
  get #waitingForNothing(): boolean {
    return this.client.bytesRead === 0;
  }

  #onClientEnd(): void {
    this.#hasClientEnded = true;
    if (this.#phase === 'deciding') this.#decide(false);
    else if (this.#phase === 'open' && this.#waiting.length === 0) this.#target?.end();
  }

  #resumeClient(): void {
    if (this.#waiting.length === 0) this.client.resume();
  }

  /** One of the sockets has been closed. */
  #onClose(): void {
    this.#openSockets -= 1;
    if (this.client.destroyed && this.#phase !== 'open') {
      this.#leave();
      this.#abandonTarget();
    }
    if (this.#openSockets > 0) {
      this.#endLate();
      return;
    }
    if (!this.client.destroyed) return;
    this.#leave();
    this.context.budget.give();
  }

  /** One side is gone for good, and has not taken the other along. */
  #endLate(): void {
    if (this.#phase !== 'open') return;
    if (this.client.destroyed && this.#target?.readableEnded === false) resetConnection(this.#target);
    if (this.#target?.destroyed === true && !this.client.writableEnded) resetConnection(this.client);
  }

  /** Waits for nothing, and is not counted any more. */
  #leave(): void {
    this.#stopTimer();
    this.#phase = 'ending';
    this.#forgetWaiting();
    this.service.forget(this);
    this.service.connections.delete(this);
  }

  #forgetWaiting(): readonly Buffer[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.context.budget.hold(-this.#waitingBytes);
    this.#waitingBytes = 0;
    return waiting;
  }

  #stopTimer(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
