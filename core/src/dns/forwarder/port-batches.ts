import { copyBytes } from '../wire/bytes.js';
import { Slab } from '../wire/slab.js';
import { BATCH_SIZE, DatagramBatch } from '../../net/datagram-batch.js';
import { Linux } from '../../net/linux.js';
import { sendBatch } from '../../net/send-batch.js';
import type { SocketCalls } from '../../net/socket-calls.js';

/** The longest query: a name of 255 bytes, and an OPT record with a cookie. In bytes, with some to spare. */
const LONGEST_QUERY = 512;

/** The longest datagram that there is, so that none is ever cut off. Untouched memory is free. */
const LONGEST_DATAGRAM = 65_536;

/** How many batches are taken off a socket before others have their turn. */
const MOST_BATCHES = 4;

/** A connected socket by which datagrams leave. */
export interface BatchSender {
  readonly descriptor: number;
  /** A call has failed for this reason. */
  failed(call: string, code: string): void;
}

/**
 * The memory of datagrams that leave and arrive, which all ports share: what leaves by one of them in a turn of the event
 * loop is sent by a single call, and what has arrived at one is taken in at once.
 */
export class PortBatches {
  private readonly slab = new Slab();
  private readonly sent: DatagramBatch;
  private readonly received: DatagramBatch;
  /** By which port what waits is to leave. */
  private sender: BatchSender | undefined;
  private count = 0;
  private turns = 0;
  private turnEnds = false;

  constructor(readonly calls: SocketCalls) {
    const kind = { family: 6, tellsDestination: false } as const;
    this.sent = new DatagramBatch(calls.addressOf, kind, LONGEST_QUERY);
    this.received = new DatagramBatch(calls.addressOf, kind, LONGEST_DATAGRAM);
  }

  /** A number that is the same until the turn is over. */
  get turn(): number {
    return this.turns;
  }

  /** Sends by the end of this turn. */
  add(port: BatchSender, message: Uint8Array): void {
    if (this.sender !== port) this.flush();
    this.sender = port;
    const room = this.sent.payloads[this.count] as Uint8Array;
    for (let index = 0; index < message.length; index++) room[index] = message[index] as number;
    this.sent.toPeer(this.count, message.length);
    this.count += 1;
    if (this.count === BATCH_SIZE) this.flush();
    if (this.turnEnds) return;
    this.turnEnds = true;
    queueMicrotask(() => {
      this.turnEnds = false;
      this.turns += 1;
      this.flush();
    });
  }

  /** Sends what waits to leave by this port, now. */
  flushFor(port: BatchSender): void {
    if (this.sender === port) this.flush();
  }

  /** Takes in what has arrived at a port, each a copy; and gives the code of an error, if there is one. */
  take(descriptor: number, onMessage: (message: Uint8Array) => boolean): string | undefined {
    const { calls, received } = this;
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const count = calls.recvmmsg(descriptor, received.headers, BATCH_SIZE, Linux.MSG_DONTWAIT, null);
      if (count < 0) {
        const code = calls.errorCode();
        if (code === 'EINTR') continue;
        return code === 'EAGAIN' ? undefined : code;
      }
      const messages = Array.from({ length: count }, (_, index) => this.copyOf(index));
      received.expect(count);
      for (const message of messages) if (!onMessage(message)) return undefined;
      if (count < BATCH_SIZE) return undefined;
    }
    return undefined;
  }

  private copyOf(index: number): Uint8Array {
    const length = this.received.lengthOf(index);
    const copy = this.slab.take(length);
    copyBytes(this.received.payloads[index] as Uint8Array, 0, length, copy, 0);
    return copy;
  }

  private flush(): void {
    const { sender, count } = this;
    this.sender = undefined;
    this.count = 0;
    if (sender === undefined || count === 0) return;
    const unsent = sendBatch(this.calls, sender.descriptor, this.sent, count, Linux.MSG_DONTWAIT);
    // Where there was no room, they are lost as on any network, and sent again when nothing comes of them.
    if (unsent !== undefined && unsent.code !== 'EAGAIN') sender.failed('send', unsent.code);
  }
}
