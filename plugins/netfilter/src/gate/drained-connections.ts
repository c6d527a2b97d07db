import { headerLength, packetBack } from './packet-back.js';
import type { PacketView } from './packet-view.js';

/** The most connections of one unikernel that are remembered. */
const MOST_FLOWS = 4_096;

/** The flag of TCP (RFC 9293, 3.1). */
const RST = 0x04;

const HEADER = 20;

/**
 * The connections on which something was said to a machine while it was being ended. It may have ended before that came, so
 * each is answered as a closed port does when its end is known: a client that has heard more since does not take it.
 */
export class DrainedConnections {
  /** By the client's end of the flow and the port: the answer to the last packet, without checksums. */
  readonly #resets = new Map<string, Buffer>();

  /** @param packet from its IP header on, of TCP and with an acknowledgement */
  note(packet: Buffer, view: PacketView): void {
    const segment = packet.subarray(headerLength(packet, view));
    if (segment.length < HEADER) return;
    const flow = `${view.source} ${view.sourcePort} ${view.destination} ${view.port}`;
    const known = this.#resets.get(flow);
    if (known !== undefined) {
      segment.copy(known, known.length - HEADER + 4, 8, 12);
      return;
    }
    if (this.#resets.size >= MOST_FLOWS) return;
    const tcp = Buffer.alloc(HEADER);
    segment.copy(tcp, 0, 2, 4);
    segment.copy(tcp, 2, 0, 2);
    // It is where its client waits for more.
    segment.copy(tcp, 4, 8, 12);
    tcp[12] = (HEADER / 4) << 4;
    tcp[13] = RST;
    this.#resets.set(flow, packetBack(view, tcp));
  }

  /** By which their clients are told. */
  resets(): Iterable<Buffer> {
    return this.#resets.values();
  }
}
