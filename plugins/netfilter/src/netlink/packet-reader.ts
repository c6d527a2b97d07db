import { read } from 'node:fs';
import { message, Netlink } from './netlink-message.js';
import { Linux, type SystemCalls } from './system-calls.js';

/** Room for what the kernel sends at once: a packet of 64 KiB and what is told about it. */
const MOST_RECEIVED = 131_072;

/** How many are taken in one turn, so that other work gets its turn as well. */
const MOST_IN_A_TURN = 256;

/**
 * Reads what the kernel sends by itself on a socket of netlink. One thread of Node's pool waits for the first, and all
 * that are there by then are taken at once. A failure to read is no end, since a full buffer is one.
 */
export class PacketReader implements Disposable {
  readonly #first = Buffer.alloc(MOST_RECEIVED);
  readonly #more = Buffer.alloc(MOST_RECEIVED);
  readonly #wakeAtExit = (): void => this.#wake();
  #isClosed = false;
  #isWaiting = false;

  /**
   * @param take gets what came at once, in memory that is used again as soon as it returns
   * @param failed is called where nothing can be read any more
   */
  constructor(
    private readonly descriptor: number,
    private readonly calls: SystemCalls,
    private readonly take: (bytes: Buffer) => void,
    private readonly failed: (code: string) => void,
  ) {
    // A process does not end while a thread of it waits.
    process.on('exit', this.#wakeAtExit);
    this.#wait();
  }

  #wait(): void {
    if (this.#isClosed) return this.#close();
    this.#isWaiting = true;
    read(this.descriptor, this.#first, 0, MOST_RECEIVED, null, (error, length) => {
      this.#isWaiting = false;
      if (this.#isClosed) return this.#close();
      if (error === null) this.take(this.#first.subarray(0, length));
      else if (!isPassing(error.code)) return this.failed(error.code ?? error.message);
      this.#drain();
    });
  }

  #drain(): void {
    for (let count = 0; count < MOST_IN_A_TURN; count++) {
      if (this.#isClosed) return this.#close();
      const length = this.calls.recv(this.descriptor, this.#more, MOST_RECEIVED, Linux.MSG_DONTWAIT);
      // What has failed fails again, or has passed, when it is waited for.
      if (length <= 0) return this.#wait();
      this.take(this.#more.subarray(0, length));
    }
    setImmediate(() => this.#drain());
  }

  /** The kernel's answer to this ends the waiting: a socket of netlink cannot be shut down. */
  #wake(): void {
    if (!this.#isWaiting) return;
    const bytes = message(Netlink.NOOP, Netlink.REQUEST | Netlink.ACK, 0);
    this.calls.sendto(this.descriptor, bytes, bytes.length, Linux.MSG_DONTWAIT, KERNEL, KERNEL.length);
  }

  #close(): void {
    process.off('exit', this.#wakeAtExit);
    this.calls.close(this.descriptor);
  }

  /** Closes the socket, as soon as nobody waits for it. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isWaiting) this.#wake();
  }
}

/** The address of the kernel. */
const KERNEL = Buffer.from([Linux.AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

function isPassing(code: string | undefined): boolean {
  return code === 'ENOBUFS' || code === 'EINTR' || code === 'EAGAIN';
}
