import { loggedAttributesIn, loggedPacketOf, type CopyOutlet } from './packet-log.js';
import { PacketSender } from './packet-sender.js';
import type { SystemCalls } from './system-calls.js';

interface Copy {
  readonly packet: Buffer;
}

/** Has copies go through this host's rules for IP once more, with a mark that says what becomes of them there. */
export class PacketOutlet implements CopyOutlet<Copy> {
  readonly #sender: PacketSender;

  /** @throws NetlinkError without CAP_NET_RAW */
  constructor(
    calls: SystemCalls,
    private readonly marks: { readonly pass: number; readonly refuse: number },
  ) {
    this.#sender = PacketSender.open(calls);
  }

  *copiesIn(bytes: Buffer): Generator<Copy, void, undefined> {
    for (const attributes of loggedAttributesIn(bytes)) {
      const packet = loggedPacketOf(attributes);
      if (packet !== undefined) yield { packet };
    }
  }

  keep({ packet }: Copy): Copy {
    return { packet: Buffer.from(packet) };
  }

  pass({ packet }: Copy): void {
    this.#sender.send(packet, this.marks.pass);
  }

  refuse({ packet }: Copy): void {
    this.#sender.send(packet, this.marks.refuse);
  }

  [Symbol.dispose](): void {
    this.#sender[Symbol.dispose]();
  }
}
