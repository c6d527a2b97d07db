import { attributeAt } from './attributes.js';
import { connectionsTo, trackedConnections, type TrackedConnection } from './conntrack.js';
import { eachTimedElement } from './element-time.js';
import { endpointKey, isIpv4, PROTOCOLS, type Endpoint } from './endpoint.js';
import { NetlinkError } from './netlink-error.js';
import { NETFILTER_HEADER } from './netlink-message.js';
import type { NetlinkSocket } from './netlink-socket.js';
import { counterQuestion, elementQuestion, elementsQuestion, NftMessage } from './nft-messages.js';
import { MISSED } from './table-layout.js';

/** What is asked of the traffic to a service. */
export interface TrafficQuestion {
  readonly endpoints: readonly Endpoint[];
  /** How old the last payload of a connection may be, in milliseconds. */
  readonly idle: number;
  /** Whether flows count that its addresses have opened themselves. */
  readonly outgoing: boolean;
}

export interface TrafficReading {
  /** Connections of TCP with payload within `idle`. */
  readonly connections: number;
  /** How long ago the last packet came that counts, in milliseconds; absent where there was none. */
  readonly age: number | undefined;
  /** The addresses of those who have these connections, in hexadecimal digits. */
  readonly clients: readonly string[];
}

/** Part of each table: how long packets are remembered. */
export interface TrafficTable {
  readonly family: number;
  readonly name: string;
  /** In milliseconds. */
  readonly memory: number;
}

/** Reads from a table what is known of the traffic to services. */
export class TrafficReader {
  #missed = 0n;
  /** Until when it is not known whether something was missed, by the clock given. */
  #unknownUntil: number;

  constructor(
    private readonly socket: NetlinkSocket,
    private readonly table: TrafficTable,
    /** In milliseconds, since whenever. */
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#unknownUntil = -Infinity;
    this.#youngUntil = now() + table.memory;
  }

  /** Until when connections may be open that the table has not seen, as it has not been there for long. */
  readonly #youngUntil: number;

  /**
   * @throws NetlinkError where nothing can be known: the kernel refuses, or a set was full, and packets were missed
   */
  read({ endpoints, idle, outgoing }: TrafficQuestion): TrafficReading {
    this.#refuseIfMissed();
    const ages = endpoints.map((endpoint) => this.#age(`active${digit(endpoint)}`, endpointKey(endpoint)));
    const addresses = new Map(endpoints.map((endpoint) => [endpoint.address, endpoint]));
    if (outgoing) {
      for (const [address, endpoint] of addresses) {
        ages.push(this.#age(`sent${digit(endpoint)}`, Buffer.from(address, 'hex')));
      }
    }
    const age = ages.reduce<number | undefined>((least, each) => smaller(least, each), undefined);
    const flows = new Set([
      // Each packet of a connection is one of its service, too.
      ...(age !== undefined && age <= idle ? this.#flowsTo(endpoints, idle) : []),
      ...this.#trackedTo(addresses, endpoints, idle),
    ]);
    return { connections: flows.size, age, clients: [...new Set([...flows].map(clientOf))] };
  }

  #age(set: string, key: Buffer): number | undefined {
    const { family, name, memory } = this.table;
    let found: number | undefined;
    try {
      const answer = this.socket.request(
        `look into ${set}`,
        NftMessage.GET_ELEMENT,
        0,
        elementQuestion(family, name, set, key),
      );
      if (answer !== undefined) eachTimedElement(answer, memory, ({ age }) => (found ??= age));
    } catch (error) {
      if (!(error instanceof NetlinkError && error.code === 'ENOENT')) throw error;
    }
    return found;
  }

  #flowsTo(endpoints: readonly Endpoint[], idle: number): string[] {
    const wanted = new Set(endpoints.filter(({ protocol }) => protocol === 'tcp').map(wholeKey));
    return [...new Set(endpoints.map(digit))].flatMap((version) => {
      const { family, name, memory } = this.table;
      const words = version === 4 ? 4 : 16;
      let found: string[] = [];
      this.socket.dump(
        'list connections',
        NftMessage.GET_ELEMENT,
        [elementsQuestion(family, name, `flows${version}`)],
        () => (found = []),
        (body) => {
          eachTimedElement(body, memory, ({ key, age }) => {
            if (age > idle || !wanted.has(key.toString('hex', words + 4))) return;
            found.push(key.toString('hex'));
          });
        },
      );
      return found;
    });
  }

  /** Connections that the kernel tracks anyway, in the form of the table's own. */
  #trackedTo(addresses: ReadonlyMap<string, Endpoint>, endpoints: readonly Endpoint[], idle: number): string[] {
    const isYoung = this.now() < this.#youngUntil;
    try {
      if (trackedConnections(this.socket).entries === 0) return [];
      return [...addresses.keys()].flatMap((address) =>
        connectionsTo(this.socket, address)
          .filter((connection) => isInUse(connection, endpoints, isYoung, idle))
          .map(flowKey),
      );
    } catch (error) {
      // Without connection tracking there is nothing to ask.
      if (error instanceof NetlinkError && ['EOPNOTSUPP', 'ENOTSUP', 'EINVAL', 'ENOENT'].includes(error.code))
        return [];
      throw error;
    }
  }

  #refuseIfMissed(): void {
    const { family, name, memory } = this.table;
    const answer = this.socket.request(
      'read a counter',
      NftMessage.GET_OBJECT,
      0,
      counterQuestion(family, name, MISSED),
    );
    const packets = answer === undefined ? undefined : attributeAt(answer.subarray(NETFILTER_HEADER), [4, 2], 8);
    if (packets === undefined) throw new NetlinkError('read a counter', 'EBADMSG');
    const missed = packets.readBigUInt64BE(0);
    if (missed !== this.#missed) this.#unknownUntil = this.now() + memory;
    this.#missed = missed;
    if (this.now() < this.#unknownUntil) {
      throw new NetlinkError('know the traffic', 'ENOSPC', 'more clients at once than the sets of the table take');
    }
  }
}

function isInUse(
  connection: TrackedConnection,
  endpoints: readonly Endpoint[],
  isYoung: boolean,
  idle: number,
): boolean {
  const { protocol, service, servicePort, isEstablished, isOffloaded, timeout } = connection;
  if (protocol !== PROTOCOLS.tcp && !isOffloaded) return false;
  const isService = endpoints.some((endpoint) => {
    return endpoint.address === service && endpoint.port === servicePort && PROTOCOLS[endpoint.protocol] === protocol;
  });
  if (!isService) return false;
  // Its packets pass by all rules.
  if (isOffloaded) return true;
  // What the table has seen from its beginning, it knows better.
  return isYoung && isEstablished && (timeout === undefined || ESTABLISHED_TIMEOUT - timeout * 1_000 <= idle);
}

/** How long the kernel remembers an established connection without packets, unless it is told otherwise. */
const ESTABLISHED_TIMEOUT = 5 * 24 * 3_600_000;

/** In the form of the keys of flows: client, its port, service, protocol, port. */
function flowKey({ client, clientPort, service, servicePort, protocol }: TrackedConnection): string {
  const port = (number: number): string => `${number.toString(16).padStart(4, '0')}0000`;
  return `${client}${port(clientPort)}${service}${protocol.toString(16).padStart(2, '0')}000000${port(servicePort)}`;
}

function clientOf(flow: string): string {
  return flow.slice(0, flow.length === 40 ? 8 : 32);
}

function wholeKey(endpoint: Endpoint): string {
  return endpointKey(endpoint).toString('hex');
}

function digit(endpoint: Endpoint): 4 | 6 {
  return isIpv4(endpoint) ? 4 : 6;
}

function smaller(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Math.min(one, other);
}
