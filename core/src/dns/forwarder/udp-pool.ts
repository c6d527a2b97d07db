import type { Endpoint } from '../../config/settings.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { PortSockets } from './port-sockets.js';
import type { RandomSource } from './random-source.js';
import { UdpSocket } from './udp-socket.js';

/** How many ports are in use at once for one upstream. */
const PORTS = 32;

/** How many queries leave by one port, and for how long, before another takes its place (RFC 5452, 9.2). */
const QUERIES_BY_PORT = 512;
const LIFE_OF_PORT: Milliseconds = 30_000;

/**
 * The ports by which one upstream is asked. A socket for each query would cost several times as much as the query; so
 * each leaves by one of several, picked at random, that are renewed before anybody could have found out which they are.
 */
export class UdpPool {
  private readonly slots = new Array<{ socket: UdpSocket; until: Milliseconds } | undefined>(PORTS);
  /** The ones in the slots, and the retired ones that somebody still waits at. */
  private readonly sockets = new Set<UdpSocket>();

  /** The one by which queries leave in this turn of the event loop. */
  private current: { readonly index: number; readonly turn: number } | undefined;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly random: RandomSource,
    private readonly portSockets: PortSockets,
  ) {}

  /** A socket for one more query. */
  pick(now: Milliseconds): UdpSocket {
    const index = this.nextIndex();
    const slot = this.slots[index];
    if (slot?.socket.usable === true && slot.socket.used < QUERIES_BY_PORT && now < slot.until) return slot.socket;
    slot?.socket.retire();
    const socket = new UdpSocket(this.portSockets, this.endpoint, this.random, () => this.sockets.delete(socket));
    this.sockets.add(socket);
    this.slots[index] = { socket, until: now + LIFE_OF_PORT };
    return socket;
  }

  /** At random; the same for all of a turn, where they can leave together. Nobody can know which it is for that. */
  private nextIndex(): number {
    const { turn } = this.portSockets;
    if (turn === undefined) return this.random.below(PORTS);
    if (this.current?.turn !== turn) this.current = { index: this.random.below(PORTS), turn };
    return this.current.index;
  }

  /** Closes all at once; what waits fails for this reason. */
  close(reason: Error): void {
    for (const socket of [...this.sockets]) socket.end(reason);
  }
}
