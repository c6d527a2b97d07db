import type { Endpoint } from '../../../net/endpoint.js';
import type { Logger } from '../../../contracts/logger.js';
import type { DnsClient } from '../../../contracts/resolver.js';
import { BATCH_SIZE, DatagramBatch, ENVELOPE_WORDS, LONGEST_DATAGRAM, sendBatch } from '../../../net/datagram-batch.js';
import { Linux } from '../../../net/linux.js';
import { senderOf, type InterfaceCalls } from '../../../net/socket-address.js';
import type { SocketCalls } from '../../../net/socket-calls.js';
import {
  isSilentPort,
  type MessageHandler,
  type UdpContext,
  type UdpTransport,
  type UdpTransportKind,
} from '../udp-transport.js';
import { DatagramSocket } from './datagram-socket.js';
import { createQueryRing, RingPump, RingReader, type RingEntry } from './query-ring.js';
import { ReceiveThread } from './receive-thread.js';

/** The most batches that are still taken from a socket whose threads have ended. */
const LAST_BATCHES = 64;

export interface MmsgContext extends UdpContext {
  readonly calls: SocketCalls;
  /** Replaces the program of the threads, for tests. */
  readonly program?: URL;
}

/**
 * The transport that receives many datagrams by one call, in threads that answer from the packet cache by themselves.
 */
export function mmsg(calls: SocketCalls): UdpTransportKind {
  return {
    name: 'mmsg',
    open: (endpoint, handler, context) => MmsgTransport.open(endpoint, handler, { ...context, calls }),
  };
}

/** One UDP address, whose threads receive datagrams and answer them from the packet cache. */
export class MmsgTransport implements UdpTransport {
  private readonly threads: ReceiveThread[] = [];
  private readonly queues: ReplyQueue[];
  private readonly pumps: RingPump[] = [];
  private readonly clients: ClientReader;
  private unanswered = 0;
  private answered: (() => void) | undefined;
  private closing = false;

  private constructor(
    private readonly sockets: readonly DatagramSocket[],
    private readonly handler: MessageHandler,
    private readonly context: MmsgContext,
  ) {
    this.clients = new ClientReader(context.calls);
    this.queues = sockets.map((socket) => new ReplyQueue(context.calls, socket, context.logger));
  }

  /** @throws JITSU_LISTEN_FAILED, NativeSocketsUnavailable */
  static async open(endpoint: Endpoint, handler: MessageHandler, context: MmsgContext): Promise<MmsgTransport> {
    const sockets = DatagramSocket.open(context.calls, endpoint, context.workers);
    const listener = new MmsgTransport(sockets, handler, context);
    const starts = await Promise.allSettled(sockets.map((_, index) => listener.startThread(index)));
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed === undefined) {
      // What it took to load the program, here and in the threads, stays with the C library otherwise: some 2 MiB.
      context.calls.malloc_trim?.(0);
      return listener;
    }
    await listener.close();
    throw failed.reason;
  }

  get port(): number {
    return (this.sockets[0] as DatagramSocket).port;
  }

  /** Raises or restores the scheduling priority of its threads, where the system permits it. */
  prioritize(raised: boolean): void {
    for (const thread of this.threads) thread.prioritize(raised);
  }

  /** Closes the sockets when the last reply to what came before has been sent. */
  async close(): Promise<void> {
    this.closing = true;
    if (this.unanswered > 0) await new Promise<void>((resolve) => (this.answered = resolve));
    await Promise.all(this.threads.map((thread) => thread.leave()));
    // All within one turn: nothing comes between the last look at a socket and its end.
    for (const pump of this.pumps) pump.drain();
    for (const [index, socket] of this.sockets.entries()) this.takeRest(socket, this.queues[index] as ReplyQueue);
    for (const queue of this.queues) queue.flush();
    for (const socket of this.sockets) socket.close();
    await Promise.all(this.threads.map((thread) => thread.close()));
  }

  private async startThread(index: number): Promise<void> {
    const socket = this.sockets[index] as DatagramSocket;
    const queue = this.queues[index] as ReplyQueue;
    const ring = createQueryRing();
    const pump = new RingPump(new RingReader(ring), (entry) => this.take(entry, queue));
    this.pumps.push(pump);
    this.threads.push(await ReceiveThread.start({ ...this.context, socket, ring, onQueries: () => pump.wake() }));
  }

  /** What has come to a socket since its thread has left it. */
  private takeRest({ descriptor, kind }: DatagramSocket, queue: ReplyQueue): void {
    const { calls } = this.context;
    const batch = new DatagramBatch(calls.addressOf, kind, LONGEST_DATAGRAM);
    for (let batches = 0; batches < LAST_BATCHES; batches++) {
      const count = calls.recvmmsg(descriptor, batch.headers, BATCH_SIZE, Linux.MSG_DONTWAIT, null);
      for (let index = 0; index < count; index++) {
        const length = batch.lengthOf(index);
        // Where nothing is left, a socket that does not receive any more gives empty datagrams without end.
        if (length === 0) return;
        if (isSilentPort(batch.portOf(index))) continue;
        const envelope = new Uint32Array(ENVELOPE_WORDS);
        batch.copyEnvelope(index, envelope);
        this.take({ message: (batch.payloads[index] as Uint8Array).slice(0, length), envelope }, queue);
      }
      if (count < BATCH_SIZE) return;
      batch.expect(count);
    }
  }

  private take({ message, envelope }: RingEntry, queue: ReplyQueue): void {
    if (this.closing) return this.takeLate(message, envelope, queue);
    this.unanswered += 1;
    const reply = this.handler(message, this.clients.of(envelope));
    if (reply instanceof Promise) void reply.then((later) => this.give(later, envelope, queue));
    else this.give(reply, envelope, queue);
  }

  /** What comes while this closes is answered where that takes no time, and not waited for. */
  private takeLate(message: Uint8Array, envelope: Uint32Array, queue: ReplyQueue): void {
    const reply = this.handler(message, this.clients.of(envelope));
    if (reply !== undefined && !(reply instanceof Promise)) queue.add(reply, envelope);
  }

  private give(reply: Uint8Array | undefined, envelope: Uint32Array, queue: ReplyQueue): void {
    if (reply !== undefined) queue.add(reply, envelope);
    this.unanswered -= 1;
    if (this.unanswered === 0) this.answered?.();
  }
}

/** The words of an envelope that hold an address, without family and port, up to the end of a struct sockaddr_in6. */
const FIRST_WORD = 2;
const LAST_WORD = 7;

/** Reads the senders of one socket's datagrams, and caches the last address: a client seldom sends a single query. */
class ClientReader {
  /** At first an address that nobody has. */
  private readonly last = new Uint32Array(LAST_WORD + 1).fill(0xffff_ffff);
  private lastAddress = '';

  constructor(private readonly calls: InterfaceCalls) {}

  /** @param envelope as `DatagramBatch` copies it */
  of(envelope: Uint32Array): DnsClient {
    if (!this.isLast(envelope)) {
      this.lastAddress = senderOf(envelope, this.calls).address;
      this.last.set(envelope.subarray(0, LAST_WORD + 1));
    }
    // The port follows the family, in network byte order.
    const head = envelope[1] as number;
    return { address: this.lastAddress, port: ((head >>> 8) & 0xff00) | (head >>> 24), transport: 'udp' };
  }

  private isLast(envelope: Uint32Array): boolean {
    for (let word = FIRST_WORD; word <= LAST_WORD; word++) if (envelope[word] !== this.last[word]) return false;
    return true;
  }
}

/** The main thread's replies on one socket: those of one turn of the event loop are sent by one call. */
class ReplyQueue {
  private readonly batch: DatagramBatch;
  private count = 0;
  private scheduled = false;

  constructor(
    private readonly calls: SocketCalls,
    private readonly socket: DatagramSocket,
    private readonly logger: Logger,
  ) {
    this.batch = new DatagramBatch(calls.addressOf, socket.kind, LONGEST_DATAGRAM);
  }

  /** Queues a reply, which is sent by the end of this turn. @param envelope as `DatagramBatch` copies it */
  add(reply: Uint8Array, envelope: Uint32Array): void {
    const index = this.count;
    (this.batch.payloads[index] as Uint8Array).set(reply);
    this.batch.replyTo(index, reply.length, envelope);
    this.count += 1;
    if (this.count === BATCH_SIZE) return this.flush();
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  /**
   * Sends all queued replies now. A socket without room loses replies, as networks do: waiting would block everything.
   */
  flush(): void {
    const { calls, socket, batch, count } = this;
    if (count === 0) return;
    this.count = 0;
    const unsent = sendBatch(calls, socket.descriptor, batch, count, Linux.MSG_DONTWAIT);
    if (unsent !== undefined) this.logger.debug({ ...unsent }, 'replies could not be sent');
  }
}
