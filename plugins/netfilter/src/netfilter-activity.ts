import {
  untilAborted,
  type ActivitySource,
  type Clock,
  type Milliseconds,
  type ServiceEndpoints,
  type Traffic,
} from '@jitsud/core/plugin';
import { MOST_ADDRESSES, MOST_PORTS, type Order, type SeenTraffic, type WatchedService } from './gate/messages.js';
import { pipelined } from './pipelined.js';
import { portText, watchBatches } from './service-orders.js';

type Numbered<T> = T extends { readonly number: number } ? Omit<T, 'number'> : never;

/** Gives the gate an order. Rejects with a `JitsuError`. */
export type GiveOrder = (order: Numbered<Order>) => Promise<SeenTraffic | undefined>;

/** What the table of the gate sees of the traffic to unikernels. */
export class NetfilterActivity implements ActivitySource {
  /** By name, for a gate that starts in the place of another. */
  readonly #watched = new Map<string, ServiceEndpoints>();

  constructor(
    private readonly give: GiveOrder,
    private readonly clock: Clock,
    readonly longestIdle: Milliseconds,
  ) {}

  sees({ addresses, ports }: ServiceEndpoints): boolean {
    if (addresses.length === 0 || ports.length === 0) return false;
    if (addresses.length > MOST_ADDRESSES || ports.length > MOST_PORTS) return false;
    return !addresses.some((address) => address.includes('%'));
  }

  async watch(endpoints: readonly ServiceEndpoints[]): Promise<void> {
    for (const each of endpoints) this.#watched.set(each.unikernel, each);
    await this.#giveAll(endpoints);
  }

  /** To be called when another gate has started. */
  async watchAgain(): Promise<void> {
    await this.#giveAll(this.#watched.values());
  }

  async #giveAll(endpoints: Iterable<ServiceEndpoints>): Promise<void> {
    await pipelined(this.#watching(endpoints));
  }

  *#watching(endpoints: Iterable<ServiceEndpoints>): Generator<() => Promise<unknown>, void, undefined> {
    for (const batch of watchBatches(endpoints)) yield () => this.give({ ...batch });
  }

  async observe(endpoints: ServiceEndpoints, signal: AbortSignal): Promise<Traffic> {
    const { idle } = endpoints.rules;
    const seen = await untilAborted(this.give({ observe: watchedServiceOf(endpoints), idle }), signal);
    // Nothing else answers an order that observes.
    if (seen === undefined) return {};
    const { connections, age, clients } = seen;
    const detail = connections === 0 ? undefined : detailOf(connections, clients);
    return { connections, lastPacket: this.clock.now() - age, ...(detail !== undefined && { detail }) };
  }
}

function watchedServiceOf({ addresses, ports, rules }: ServiceEndpoints): WatchedService {
  return { addresses, ports: ports.map(portText), outgoing: rules.outgoing };
}

/** `2 connections, from 192.0.2.7 and 198.51.100.4` */
function detailOf(connections: number, clients: readonly string[]): string {
  const count = connections === 1 ? 'a connection' : `${connections} connections`;
  const last = clients.at(-1);
  if (last === undefined) return count;
  const others = clients.slice(0, -1);
  return `${count}, from ${others.length === 0 ? last : `${others.join(', ')} and ${last}`}`;
}
