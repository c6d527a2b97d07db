import { createSocket, type BindOptions, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { RelayedPort } from '../config/relay.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { bindEarly, isAbsent } from '../net/bind-early.js';
import { numericLookup } from '../net/numeric-lookup.js';
import type { ConnectionContext } from './relayed-connection.js';
import type { Held, RelayedService } from './relayed-service.js';

/** The most flows of one port. */
const MOST_FLOWS = 4_096;

/** How long a flow lives after its last datagram (RFC 4787, 4.3), and where the program has answered none of its datagrams. */
const FLOW_LIFE: Milliseconds = 120_000;
const UNANSWERED_LIFE: Milliseconds = 30_000;

/** The most datagrams of one flow that are held. */
const MOST_HELD = 8;

/** The bytes that wait in Node for a socket to take them, from which on datagrams are lost, as in any queue. */
const MOST_UNSENT = 1_048_576;

type UdpContext = Omit<ConnectionContext, 'ignore'>;

/** One UDP port whose datagrams are relayed: each client (address and port) has a flow with a socket of its own. */
export class UdpRelay {
  #socket: Socket;
  /** In the order of their last use. */
  readonly #flows = new Map<string, UdpFlow>();

  private constructor(
    private readonly relayed: RelayedPort,
    private readonly service: RelayedService,
    private readonly context: UdpContext,
  ) {
    this.#socket = udpSocket(relayed.listen.address);
  }

  /** Rejects with the error of the system, or `NativeSocketsUnavailable` where the address may come later. */
  static async open(relayed: RelayedPort, service: RelayedService, context: UdpContext): Promise<UdpRelay> {
    const relay = new UdpRelay(relayed, service, context);
    await relay.#listen();
    return relay;
  }

  close(): void {
    this.#socket.close();
    for (const flow of this.#flows.values()) flow.end();
    this.#flows.clear();
  }

  get size(): number {
    return this.#flows.size;
  }

  /** Forgets flows that are over. */
  sweep(): void {
    const now = this.context.clock.now();
    for (const [key, flow] of this.#flows) if (flow.expiresAt <= now) this.#end(key, flow);
  }

  async #listen(): Promise<void> {
    const { address, port } = this.relayed.listen;
    const bind = async (options: BindOptions): Promise<void> => {
      const listening = once(this.#socket, 'listening');
      this.#socket.bind({ ...options, exclusive: true });
      await listening;
    };
    try {
      await bind({ address, port }).catch(async (error: unknown) => {
        if (!isAbsent(error)) throw error;
        this.#socket.close();
        this.#socket = udpSocket(address);
        await bind({ fd: await bindEarly(this.relayed.listen, 'UDP') });
      });
    } catch (error) {
      this.#socket.close();
      throw error;
    }
    // Such as the refusal of a reply: it concerns a client that is gone.
    this.#socket.on('error', () => undefined);
    this.#socket.on('message', (datagram, remote) => this.#take(datagram, remote));
  }

  #take(datagram: Buffer, { address, port }: RemoteInfo): void {
    // Nothing can be sent back there.
    if (port === 0) return;
    const key = `${address} ${port}`;
    let flow = this.#flows.get(key);
    if (flow === undefined) {
      flow = this.#newFlow(address, port);
      if (flow === undefined) return;
    } else this.#flows.delete(key);
    this.#flows.set(key, flow);
    flow.take(datagram);
  }

  #newFlow(address: string, port: number): UdpFlow | undefined {
    const { service, relayed, context } = this;
    if (this.#flows.size >= MOST_FLOWS && !this.#makeRoom()) return undefined;
    if (!context.budget.take() && !(this.#makeRoom() && context.budget.take())) return undefined;
    context.taken();
    const reply = (datagram: Buffer): void => {
      if (this.#socket.getSendQueueSize() < MOST_UNSENT) this.#socket.send(datagram, port, address, ignore);
    };
    return new UdpFlow(address, relayed, service, context, reply);
  }

  /** Ends a flow: the oldest that the program has not answered, else the oldest. */
  #makeRoom(): boolean {
    let oldest: readonly [string, UdpFlow] | undefined;
    for (const entry of this.#flows) {
      oldest ??= entry;
      if (entry[1].isAnswered) continue;
      oldest = entry;
      break;
    }
    if (oldest === undefined) return false;
    this.#end(...oldest);
    return true;
  }

  #end(key: string, flow: UdpFlow): void {
    this.#flows.delete(key);
    flow.end();
  }
}

/** The datagrams of one client. */
class UdpFlow implements Held {
  readonly protocol = 'udp';
  readonly #isIgnored: boolean;
  #lastSeen: Milliseconds;
  #target: Socket | undefined;
  #isConnected = false;
  /** What waits for the service, or for the socket. */
  #waiting: Buffer[] = [];
  isAnswered = false;

  constructor(
    readonly from: string,
    private readonly relayed: RelayedPort,
    private readonly service: RelayedService,
    private readonly context: UdpContext,
    private readonly reply: (datagram: Buffer) => void,
  ) {
    this.#isIgnored = service.ignores(from);
    this.#lastSeen = context.clock.now();
  }

  get port(): number {
    return this.relayed.listen.port;
  }

  get expiresAt(): Milliseconds {
    return this.#lastSeen + (this.isAnswered ? FLOW_LIFE : UNANSWERED_LIFE);
  }

  take(datagram: Buffer): void {
    this.#lastSeen = this.context.clock.now();
    // Packets count as use where they go in both directions.
    if (this.isAnswered && !this.#isIgnored) this.service.used(this.#lastSeen);
    if (this.service.isArmed) {
      if (this.#isIgnored) return;
      this.#keep(datagram);
      this.service.hold(this);
    } else if (this.#isConnected) this.#send(datagram);
    else {
      this.#keep(datagram);
      this.#connect();
    }
  }

  go(): void {
    if (this.#isConnected) this.#flush();
    else if (this.#waiting.length > 0) this.#connect();
  }

  refuse(): void {
    this.#forgetWaiting();
  }

  drop(): void {
    this.#forgetWaiting();
  }

  end(): void {
    this.service.forget(this);
    this.#forgetWaiting();
    this.#target?.close();
    this.#target = undefined;
    this.#isConnected = false;
    this.context.budget.give();
  }

  #keep(datagram: Buffer): void {
    const { budget } = this.context;
    if (this.#waiting.length >= MOST_HELD || budget.isFull) return;
    this.#waiting.push(datagram);
    budget.hold(datagram.length);
  }

  #connect(): void {
    if (this.#target !== undefined) return;
    const { address, port } = this.relayed.to;
    const target = udpSocket(address);
    this.#target = target;
    target.on('error', () => this.#lose(target));
    target.on('message', (datagram) => this.#onReply(datagram));
    target.on('connect', () => {
      if (target !== this.#target) return;
      this.#isConnected = true;
      if (!this.service.isArmed) this.#flush();
    });
    target.connect(port, address);
  }

  /** The next datagram opens another socket. */
  #lose(target: Socket): void {
    if (target !== this.#target || this.#isConnected) return;
    this.#target = undefined;
    this.#forgetWaiting();
    target.close();
  }

  #flush(): void {
    for (const datagram of this.#forgetWaiting()) this.#send(datagram);
  }

  #send(datagram: Buffer): void {
    const target = this.#target as Socket;
    if (target.getSendQueueSize() < MOST_UNSENT) target.send(datagram, ignore);
  }

  #onReply(datagram: Buffer): void {
    this.#lastSeen = this.context.clock.now();
    this.isAnswered = true;
    if (!this.#isIgnored) this.service.used(this.#lastSeen);
    this.reply(datagram);
  }

  #forgetWaiting(): readonly Buffer[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { length } of waiting) this.context.budget.hold(-length);
    return waiting;
  }
}

function udpSocket(address: string): Socket {
  const family = isIPv6(address) ? 6 : 4;
  return createSocket({ type: `udp${family}`, ipv6Only: family === 6, lookup: numericLookup(family) });
}

const ignore = (): void => {};
