import type { PacketView } from './packet-view.js';

/** How many packets may be held. */
export interface HoldLimits {
  /** Of one flow of UDP; of a TCP connection it is one. */
  readonly perFlow: number;
  /** Enough for a client that connects every 5 ms while its unikernel boots for 5 s. */
  readonly perUnikernel: number;
  /** As many again are held of unikernels that have none yet, one of each. */
  readonly inAll: number;
  /** In milliseconds. */
  readonly longest: number;
}

export const HOLD_LIMITS: HoldLimits = { perFlow: 8, perUnikernel: 1_024, inAll: 4_096, longest: 60_000 };

interface Held<Packet> {
  packet: Packet;
  readonly client: string;
  readonly flow: string;
  readonly since: number;
}

/** The packets that are held for one unikernel, in the order in which they came. */
export class HeldPackets<Packet> {
  #held: Held<Packet>[] = [];
  /** By flow: how many of it are held. */
  readonly #flows = new Map<string, number>();

  /** @param total shared by all unikernels */
  constructor(
    private readonly total: { held: number },
    private readonly limits = HOLD_LIMITS,
  ) {}

  get size(): number {
    return this.#held.length;
  }

  /** When the oldest one came; `Infinity` where none is held. */
  get oldest(): number {
    return this.#held[0]?.since ?? Infinity;
  }

  /**
   * A SYN that comes again takes the place of the one that is held: what delivers it says how long its way takes, and its
   * client waits a multiple of that before it sends anything again (RFC 6298). Of any other segment the first is held, as
   * what comes again may be a part of it.
   * @param now in milliseconds
   * @returns what is to be dropped: the earlier one, or this one, which is not held; `undefined` where nothing is
   */
  hold(view: PacketView, packet: Packet, now: number): Packet | undefined {
    const { limits } = this;
    const flow = flowOf(view);
    const ofFlow = this.#flows.get(flow) ?? 0;
    if (view.protocol === 'tcp' && ofFlow > 0) return view.isOpening ? this.#replace(flow, packet) : packet;
    // Those who hold all that may be held keep nobody from waking another unikernel.
    const inAll = this.size === 0 ? 2 * limits.inAll : limits.inAll;
    const isFull = ofFlow >= limits.perFlow || this.size >= limits.perUnikernel || this.total.held >= inAll;
    if (isFull) return packet;
    this.#held.push({ packet, client: view.source, flow, since: now });
    this.#flows.set(flow, ofFlow + 1);
    this.total.held += 1;
    return undefined;
  }

  /** Takes out all. */
  takeAll(): readonly Packet[] {
    return this.#take(() => true);
  }

  /** Takes out those of some clients. */
  takeWhere(isTaken: (client: string) => boolean): readonly Packet[] {
    return this.#take(({ client }) => isTaken(client));
  }

  /** Takes out those that have been held for too long. */
  takeExpired(now: number): readonly Packet[] {
    if (this.oldest > now - this.limits.longest) return [];
    return this.#take(({ since }) => since <= now - this.limits.longest);
  }

  /** It keeps the place, and the age, of the earlier one. */
  #replace(flow: string, packet: Packet): Packet {
    const held = this.#held.find((each) => each.flow === flow);
    if (held === undefined) return packet;
    const earlier = held.packet;
    held.packet = packet;
    return earlier;
  }

  #take(isTaken: (held: Held<Packet>) => boolean): readonly Packet[] {
    const taken: Packet[] = [];
    const left: Held<Packet>[] = [];
    for (const held of this.#held) {
      if (!isTaken(held)) {
        left.push(held);
        continue;
      }
      taken.push(held.packet);
      const ofFlow = (this.#flows.get(held.flow) ?? 0) - 1;
      if (ofFlow > 0) this.#flows.set(held.flow, ofFlow);
      else this.#flows.delete(held.flow);
    }
    this.#held = left;
    this.total.held -= taken.length;
    return taken;
  }
}

function flowOf({ protocol, source, destination, sourcePort, port, sequence }: PacketView): string {
  return `${protocol} ${source} ${sourcePort} ${destination} ${port} ${sequence}`;
}
