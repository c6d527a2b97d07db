import type { Endpoint } from '../../../config/settings.js';
import type { Clock } from '../../../contracts/clock.js';
import type { Logger } from '../../../contracts/logger.js';
import type { Access } from '../../admission/access.js';
import type { HotMemory } from '../../packet-cache/packet-memory.js';
import type { MessageHandler } from '../message-handler.js';
import { DatagramSocket } from './datagram-socket.js';
import { MissPump } from './miss-pump.js';
import { MissReader } from './miss-reader.js';
import { createMissRing, type Miss } from './miss-ring.js';
import { ReceiveThread } from './receive-thread.js';
import { ReplyQueue } from './reply-queue.js';
import { ClientReader } from './client-reader.js';
import type { SocketCalls } from '../../../net/socket-calls.js';

/** What such a listener shares with its sisters on other addresses. */
export interface MmsgSurroundings {
  readonly calls: SocketCalls;
  /** How many threads take datagrams, each from a socket of its own. */
  readonly workers: number;
  readonly recursionAvailable: boolean;
  /** What the threads answer from. */
  readonly hot: HotMemory;
  /** Who may have it, and what is refused to the others. */
  readonly access: Pick<Access, 'shared' | 'refusals'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Another program for the threads, where that of Jitsu is not meant. */
  readonly program?: URL;
}

/** One UDP address, whose datagrams are taken, and answered as far as they can, by threads. */
export class MmsgListener {
  private readonly threads: ReceiveThread[] = [];
  private readonly queues: ReplyQueue[];
  private readonly clients: ClientReader;
  private unanswered = 0;
  private answered: (() => void) | undefined;
  private closing = false;

  private constructor(
    private readonly sockets: readonly DatagramSocket[],
    private readonly handler: MessageHandler,
    private readonly around: MmsgSurroundings,
  ) {
    this.clients = new ClientReader(around.calls);
    this.queues = sockets.map((socket) => new ReplyQueue(around.calls, socket, around.logger));
  }

  /** @throws JITSU_LISTEN_FAILED, NativeSocketsUnavailable */
  static async open(endpoint: Endpoint, handler: MessageHandler, around: MmsgSurroundings): Promise<MmsgListener> {
    const sockets = DatagramSocket.open(around.calls, endpoint, around.workers);
    const listener = new MmsgListener(sockets, handler, around);
    const starts = await Promise.allSettled(sockets.map((_, index) => listener.startThread(index)));
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed === undefined) return listener;
    await listener.close();
    throw failed.reason;
  }

  get port(): number {
    return (this.sockets[0] as DatagramSocket).port;
  }

  /** Has its threads go before whatever else wants a processor, where the system lets them, or no more. */
  goFirst(first: boolean): void {
    for (const thread of this.threads) thread.goFirst(first);
  }

  /** Takes no more datagrams, and closes the sockets when the last reply has left. */
  async close(): Promise<void> {
    this.closing = true;
    await Promise.all(this.threads.map((thread) => thread.close()));
    if (this.unanswered > 0) await new Promise<void>((resolve) => (this.answered = resolve));
    for (const queue of this.queues) queue.flush();
    for (const socket of this.sockets) socket.close();
  }

  private async startThread(index: number): Promise<void> {
    const socket = this.sockets[index] as DatagramSocket;
    const queue = this.queues[index] as ReplyQueue;
    const ring = createMissRing();
    const pump = new MissPump(new MissReader(ring), (miss) => {
      if (!this.closing) this.take(miss, queue);
    });
    this.threads.push(await ReceiveThread.start({ ...this.around, socket, ring, onMisses: () => pump.wake() }));
  }

  private take({ message, envelope }: Miss, queue: ReplyQueue): void {
    this.unanswered += 1;
    const reply = this.handler(message, this.clients.of(envelope));
    if (reply instanceof Promise) void reply.then((later) => this.give(later, envelope, queue));
    else this.give(reply, envelope, queue);
  }

  private give(reply: Uint8Array | undefined, envelope: Uint32Array, queue: ReplyQueue): void {
    if (reply !== undefined) queue.add(reply, envelope);
    this.unanswered -= 1;
    if (this.unanswered === 0) this.answered?.();
  }
}
