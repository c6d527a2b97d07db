import type { PacketView } from './packet-view.js';

/** How many packets may be held. */
export interface HoldLimits {
  /** Of one flow of UDP; of a TCP connection it is one. */
  readonly perFlow: number;
  readonly perUnikernel: number;
  readonly inAll: number;
  /** In milliseconds. */
  readonly longest: number;
}

export const HOLD_LIMITS: HoldLimits = { perFlow: 8, perUnikernel: 256, inAll: 4_096, longest: 60_000 };

/** What becomes of a packet: it is held, or one of its connection is held already, or there is no room for it. */
export type Admission = 'held' | 'repeated' | 'full';

interface Held<Packet> {
  readonly packet: Packet;
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

  /** Whether this one may be held, without holding it. */
  admission(view: PacketView): Admission {
    const { limits } = this;
    const ofFlow = this.#flows.get(flowOf(view)) ?? 0;
    // What TCP sends again is the packet that is held already.
    if (view.protocol === 'tcp' && ofFlow > 0) return 'repeated';
    const isFull = ofFlow >= limits.perFlow || this.size >= limits.perUnikernel || this.total.held >= limits.inAll;
    return isFull ? 'full' : 'held';
  }

  /** @param now in milliseconds */
  hold(view: PacketView, packet: Packet, now: number): Admission {
    const admission = this.admission(view);
    if (admission !== 'held') return admission;
    const flow = flowOf(view);
    this.#held.push({ packet, client: view.source, flow, since: now });
    this.#flows.set(flow, (this.#flows.get(flow) ?? 0) + 1);
    this.total.held += 1;
    return admission;
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
