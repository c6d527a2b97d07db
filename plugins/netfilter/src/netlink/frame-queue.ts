import { queuedFrame, type BridgedFrame, type FrameOutlet } from './frame-outlet.js';
import type { PacketHolder } from './packet-holder.js';
import type { PacketQueue } from './packet-queue.js';

/** Holds packets that cross bridges in a queue of the kernel, and answers them where they are refused. */
export class FrameQueue implements PacketHolder {
  /** The first bytes of those that are held. */
  readonly #frames = new Map<number, BridgedFrame>();

  /** @param outlet is disposed with it */
  constructor(
    private readonly queue: Pick<PacketQueue, 'start' | 'accept' | 'drop' | typeof Symbol.dispose>,
    private readonly outlet: Pick<FrameOutlet, 'keep' | 'refuse' | typeof Symbol.dispose>,
  ) {}

  start(taken: (packet: number, bytes: Buffer) => void, failed: (reason: string) => void): void {
    this.queue.start((packet, bytes, attributes) => {
      const frame = queuedFrame({ bytes, attributes });
      if (frame !== undefined) this.#frames.set(packet, this.outlet.keep(frame));
      taken(packet, bytes);
    }, failed);
  }

  accept(packets: readonly number[]): void {
    for (const packet of packets) this.#frames.delete(packet);
    this.queue.accept(packets);
  }

  refuse(packets: readonly number[]): void {
    for (const packet of packets) {
      const frame = this.#frames.get(packet);
      if (frame !== undefined) this.outlet.refuse(frame);
    }
    this.drop(packets);
  }

  drop(packets: readonly number[]): void {
    for (const packet of packets) this.#frames.delete(packet);
    this.queue.drop(packets);
  }

  [Symbol.dispose](): void {
    this.#frames.clear();
    this.queue[Symbol.dispose]();
    this.outlet[Symbol.dispose]();
  }
}
