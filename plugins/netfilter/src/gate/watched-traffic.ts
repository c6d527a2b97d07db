import { conntrackProblem } from '../netlink/conntrack-room.js';
import type { Endpoint } from '../netlink/endpoint.js';
import type { Netfilter } from '../netlink/netfilter.js';
import { hexOf, textOf } from './addresses.js';
import { MOST_NAMED, readPort, type SeenTraffic, type WatchedService } from './messages.js';
import { Refusal } from './refusal.js';

/** What the table of this gate has seen of the traffic to services. */
export class WatchedTraffic {
  readonly #begin: number;
  #ignores = false;
  #tracks = false;

  /**
   * @param memory how long traffic is remembered, in milliseconds
   * @param warn told what people are to know of connection tracking, when it is turned on
   */
  constructor(
    private readonly packets: Pick<Netfilter, 'watch' | 'traffic' | 'ignore' | 'trackConnections'>,
    private readonly memory: number,
    private readonly warn: (what: string) => void = () => undefined,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#begin = now();
  }

  /** From when this returns, their traffic is remembered. Clients in the first networks that are named do not count. */
  watch(services: readonly WatchedService[], ignored: readonly string[], conntrack: boolean): void {
    if (!this.#ignores && ignored.length > 0) {
      this.packets.ignore(ignored);
      this.#ignores = true;
    }
    if (conntrack && !this.#tracks) {
      this.packets.trackConnections();
      this.#tracks = true;
      const problem = conntrackProblem();
      if (problem !== undefined) this.warn(problem);
    }
    this.packets.watch(
      services.flatMap(endpointsOf),
      services.filter(({ outgoing }) => outgoing).flatMap(({ addresses }) => addresses.map(hexOf)),
    );
  }

  /** @throws Refusal where it cannot be known */
  observe(service: WatchedService, idle: number): SeenTraffic {
    if (idle > this.memory) {
      const message = `what has been idle for more than ${this.memory / 60_000} minutes is not known; shorten traffic.idle`;
      throw new Refusal('JITSU_DOORMAN_FAILED', message);
    }
    const { outgoing } = service;
    const {
      connections,
      age = Infinity,
      clients,
    } = this.packets.traffic({ endpoints: endpointsOf(service), idle, outgoing });
    // What was before its beginning nobody knows.
    return {
      connections,
      age: Math.round(Math.min(age, this.now() - this.#begin)),
      clients: clients.slice(0, MOST_NAMED).map(textOf),
    };
  }
}

function endpointsOf({ addresses, ports }: WatchedService): Endpoint[] {
  return ports
    .map(readPort)
    .filter((port) => port !== undefined)
    .flatMap((port) => addresses.map((address) => ({ ...port, address: hexOf(address) })));
}
