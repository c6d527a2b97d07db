import type { Logger } from '../../../contracts/logger.js';
import { BATCH_SIZE, DatagramBatch } from '../../../net/datagram-batch.js';
import type { DatagramSocket } from './datagram-socket.js';
import { Linux } from '../../../net/linux.js';
import { sendBatch } from '../../../net/send-batch.js';
import type { SocketCalls } from '../../../net/socket-calls.js';

/** The longest reply that a datagram could hold; more than any client is sent. Untouched memory is free. */
const LONGEST_REPLY = 65_536;

/** The main thread's replies on one socket: those that are there in one turn of the event loop leave together. */
export class ReplyQueue {
  private readonly batch: DatagramBatch;
  private count = 0;
  private scheduled = false;

  constructor(
    private readonly calls: SocketCalls,
    private readonly socket: DatagramSocket,
    private readonly logger: Logger,
  ) {
    this.batch = new DatagramBatch(calls.addressOf, socket.kind, LONGEST_REPLY);
  }

  /** Sends a reply by the end of this turn. @param envelope as `DatagramBatch` copies it */
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

  /** Sends what there is, now. A socket without room loses replies, as networks do: waiting would hold up everything. */
  flush(): void {
    const { calls, socket, batch, count } = this;
    if (count === 0) return;
    this.count = 0;
    const unsent = sendBatch(calls, socket.descriptor, batch, count, Linux.MSG_DONTWAIT);
    if (unsent !== undefined) this.logger.debug({ ...unsent }, 'replies could not be sent');
  }
}
