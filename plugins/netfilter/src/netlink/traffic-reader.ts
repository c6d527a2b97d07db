import { attributeAt } from './attributes.js';
import { flowKey } from './conntrack.js';
import { eachTimedElement } from './element-time.js';
import { addressKey, endpointKey, setFor, type Endpoint } from './endpoint.js';
import { NetlinkError } from './netlink-error.js';
import { NETFILTER_HEADER } from './netlink-message.js';
import type { NetlinkSocket } from './netlink-socket.js';
import { counterQuestion, elementQuestion, elementsQuestion, NftMessage } from './nft-messages.js';
import { MISSED } from './counting-rules.js';
import { OffloadedUse } from './offloaded-use.js';

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

/** The table that is read. */
export interface TrafficTable {
  readonly family: number;
  readonly name: string;
  /** How long packets are remembered, in milliseconds. */
  readonly memory: number;
}

/** Reads from tables what is known of the traffic to services. */
export class TrafficReader {
  readonly #offloaded: OffloadedUse;
  readonly #missed = new Map<TrafficTable, bigint>();
  #unknownUntil = -Infinity;

  /** @param now in milliseconds, since whenever */
  constructor(
    private readonly socket: NetlinkSocket,
    private readonly tables: readonly TrafficTable[],
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#offloaded = new OffloadedUse(socket, now);
  }

  /** @throws NetlinkError where nothing can be known: the kernel refuses, or a set was full, and packets were missed */
  read({ endpoints, idle, outgoing }: TrafficQuestion): TrafficReading {
    this.#refuseIfMissed();
    const flows = new Set(
      this.#offloaded.find(endpoints).map((each) => Buffer.from(flowKey(each), 'latin1').toString('hex')),
    );
    let age: number | undefined;
    for (const table of this.tables) {
      const ofTable = this.#youngest(table, endpoints, outgoing);
      age = smaller(age, ofTable);
      // Each packet of a connection is one of its service, too.
      if (ofTable !== undefined && ofTable <= idle) this.#addFlowsTo(table, endpoints, idle, flows);
    }
    return { connections: flows.size, age, clients: [...new Set([...flows].map(clientOf))] };
  }

  #youngest(table: TrafficTable, endpoints: readonly Endpoint[], outgoing: boolean): number | undefined {
    let age: number | undefined;
    for (const endpoint of endpoints) {
      age = smaller(age, this.#age(table, setFor('active', endpoint), endpointKey(endpoint)));
      if (outgoing) age = smaller(age, this.#age(table, setFor('sent', endpoint), addressKey(endpoint.address)));
    }
    return age;
  }

  #age({ family, name, memory }: TrafficTable, set: string, key: string): number | undefined {
    let found: number | undefined;
    try {
      const question = elementQuestion(family, name, set, key);
      const answer = this.socket.question(`look into ${set}`, NftMessage.GET_ELEMENT, question);
      eachTimedElement(answer, memory, ({ age }) => (found ??= age));
    } catch (error) {
      if (!(error instanceof NetlinkError && error.code === 'ENOENT')) throw error;
    }
    return found;
  }

  #addFlowsTo(
    { family, name, memory }: TrafficTable,
    endpoints: readonly Endpoint[],
    idle: number,
    flows: Set<string>,
  ): void {
    const services = endpoints.filter(({ protocol }) => protocol === 'tcp');
    const wanted = new Set(services.map((service) => Buffer.from(endpointKey(service), 'latin1').toString('hex')));
    for (const set of new Set(services.map((service) => setFor('flows', service)))) {
      // Behind the address of the client and its port.
      const serviceAt = set.endsWith('4') ? 8 : 20;
      let found: string[] = [];
      this.socket.dump(
        'list connections',
        NftMessage.GET_ELEMENT,
        [elementsQuestion(family, name, set)],
        () => (found = []),
        (body) => {
          eachTimedElement(body, memory, ({ key, age }) => {
            if (age <= idle && wanted.has(key.toString('hex', serviceAt))) found.push(key.toString('hex'));
          });
        },
      );
      for (const flow of found) flows.add(flow);
    }
  }

  #refuseIfMissed(): void {
    for (const table of this.tables) {
      const { family, name, memory } = table;
      const question = counterQuestion(family, name, MISSED);
      const answer = this.socket.question('read a counter', NftMessage.GET_OBJECT, question);
      const packets = attributeAt(answer.subarray(NETFILTER_HEADER), [4, 2], 8);
      if (packets === undefined) throw new NetlinkError('read a counter', 'EBADMSG');
      const missed = packets.readBigUInt64BE(0);
      if (missed !== (this.#missed.get(table) ?? 0n)) this.#unknownUntil = this.now() + memory;
      this.#missed.set(table, missed);
    }
    if (this.now() < this.#unknownUntil) {
      throw new NetlinkError(
        'know the traffic',
        'ENOSPC',
        'there were more clients at once than its sets have room for',
      );
    }
  }
}

function clientOf(flow: string): string {
  return flow.slice(0, flow.length === 40 ? 8 : 32);
}

function smaller(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
