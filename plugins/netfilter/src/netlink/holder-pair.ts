import type { PacketHolder } from './packet-holder.js';

/** More than numbers of packets have. */
const SECOND = 2 ** 32;

/** Two holders as one: the packets of the second have numbers of their own, above all that the first can give. */
export class HolderPair implements PacketHolder {
  constructor(
    private readonly first: PacketHolder,
    private readonly second: PacketHolder,
  ) {}

  start(taken: (packet: number, bytes: Buffer) => void, failed: (reason: string) => void): void {
    this.first.start(taken, failed);
    this.second.start((packet, bytes) => taken(SECOND + packet, bytes), failed);
  }

  accept(packets: readonly number[]): void {
    this.#tell('accept', packets);
  }

  refuse(packets: readonly number[]): void {
    this.#tell('refuse', packets);
  }

  drop(packets: readonly number[]): void {
    this.#tell('drop', packets);
  }

  #tell(what: 'accept' | 'refuse' | 'drop', packets: readonly number[]): void {
    this.first[what](packets.filter((packet) => packet < SECOND));
    this.second[what](packets.filter((packet) => packet >= SECOND).map((packet) => packet - SECOND));
  }

  [Symbol.dispose](): void {
    this.first[Symbol.dispose]();
    this.second[Symbol.dispose]();
  }
}
