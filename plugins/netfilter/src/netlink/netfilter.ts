import { addressRanges } from './address-ranges.js';
import { BridgeTable } from './bridge-table.js';
import { connectionsTo, deleteConnections, flowKey, type TrackedConnection } from './conntrack.js';
import { earlierFlows } from './earlier-flows.js';
import {
  addressKey,
  endpointKey,
  isLoopback,
  OwnAddresses,
  setFor,
  type Endpoint,
  type StoppedEndpoint,
} from './endpoint.js';
import { NetlinkError } from './netlink-error.js';
import type { NetlinkSocket } from './netlink-socket.js';
import type { Change, NftTable } from './nft-messages.js';
import { commit } from './nft-transaction.js';
import { OtherTables } from './other-tables.js';
import type { PacketHolder } from './packet-holder.js';
import { MOST_AT_ONCE, opposite, SetMembers, type Edit } from './set-members.js';
import {
  ignoredLayout,
  ignoredNetworks,
  outgoingLayout,
  ownLayout,
  publishedLayout,
  reachableLayout,
  trackConnections,
  unwatchedLayout,
  USERS,
  type LayoutOptions,
} from './table-layout.js';
import { TrafficReader, type TrafficQuestion, type TrafficReading } from './traffic-reader.js';

/** How packets are held, the best first: by nftables' own queue, by that of iptables, or as copies that are sent again. */
export const RUNGS = ['nft queue', 'xt NFQUEUE', 'NFLOG'] as const;
export type Rung = (typeof RUNGS)[number];

/**
 * The table of this Jitsu in the packet filter of this network namespace, and what its rules hold. All of it ends with the
 * process, however that ends: nothing is left behind.
 */
export class Netfilter implements Disposable {
  readonly #members: SetMembers;
  readonly #others: OtherTables;
  readonly #traffic: TrafficReader;
  /** What the table has besides what it was made with. */
  readonly #additions = new Set<string>();
  readonly #bridges: BridgeTable | undefined;
  #warn: ((what: string) => void) | undefined;

  /** @param bridges the table of what crosses bridges where there is to be one, or why there is none */
  constructor(
    readonly rung: Rung,
    private readonly socket: NetlinkSocket,
    private readonly table: NftTable,
    private readonly holder: PacketHolder,
    private readonly layout: LayoutOptions,
    private readonly bridges?: BridgeTable | string,
  ) {
    this.#members = new SetMembers(socket, table);
    this.#others = new OtherTables(socket, table);
    this.#bridges = bridges instanceof BridgeTable ? bridges : undefined;
    const tables = this.#tables;
    const { memory } = layout;
    this.#traffic = new TrafficReader(
      socket,
      tables.map(({ family, name }) => ({ family, name, memory })),
    );
  }

  /**
   * Takes what is held from now on.
   * @param taken gets a number for the packet, and its first bytes in memory that is used again
   * @param failed is called where nothing can be taken any more
   * @param warn is told what people are to know
   */
  start(
    taken: (packet: number, bytes: Buffer) => void,
    failed: (reason: string) => void,
    warn: (what: string) => void = () => undefined,
  ): void {
    this.#warn = warn;
    if (typeof this.bridges === 'string') warn(this.bridges);
    this.holder.start(taken, failed);
  }

  /**
   * From when this returns, first packets to them are held, and those of open connections as each says. One that is armed
   * takes over what has changed. @throws NetlinkError, also where another Jitsu has armed one of them; then none is armed
   */
  arm(endpoints: readonly StoppedEndpoint[]): void {
    const own = new OwnAddresses();
    if (endpoints.some(({ address }) => own.has(address))) this.#add('published', publishedLayout);
    this.#watchWhereTheyAre(endpoints, own);
    const done = this.#members.edit(
      endpoints.flatMap((endpoint) => {
        const key = endpointKey(endpoint);
        const isOwn = own.has(endpoint.address);
        return [
          { set: setFor('published', endpoint), key, isMember: isOwn },
          { set: setFor('stopped', endpoint), key, isMember: !isOwn },
          {
            set: setFor('ended', endpoint),
            key,
            isMember: endpoint.protocol === 'tcp' && endpoint.connections !== 'pass',
          },
        ];
      }),
    );
    // Looked for when ours are visible, so that of two that arm at once at least one sees the other.
    const taken = this.#others.findArmed(endpoints);
    if (taken === undefined) return this.#armOnBridges(endpoints, done);
    this.#members.edit(opposite(done));
    const { endpoint, table } = taken;
    const place = `${endpoint.protocol}/${endpoint.port} at ${textOf(endpoint.address)}`;
    throw new NetlinkError(
      `hold packets for ${place}`,
      'EADDRINUSE',
      `the Jitsu with the table ${table} does so already`,
    );
  }

  /** What is watched may have become an address of this host, or may be one no more. */
  #watchWhereTheyAre(endpoints: readonly Endpoint[], own: OwnAddresses): void {
    const moved: Endpoint[] = [];
    for (const endpoint of endpoints) {
      const key = endpointKey(endpoint);
      const isOwn = own.has(endpoint.address);
      if (this.#members.has(setFor(isOwn ? 'here' : 'known', endpoint), key)) continue;
      if (this.#members.has(setFor(isOwn ? 'known' : 'here', endpoint), key)) moved.push(endpoint);
      else if (!isOwn) this.#add('unwatched', unwatchedLayout);
    }
    if (moved.length > 0) this.watch(moved);
  }

  #armOnBridges(endpoints: readonly StoppedEndpoint[], done: readonly Edit[]): void {
    try {
      this.#followBridges();
      this.#bridges?.arm(endpoints);
    } catch (error) {
      this.#members.edit(opposite(done));
      throw error;
    }
  }

  get #tables(): NftTable[] {
    return this.#bridges === undefined ? [this.table] : [this.table, this.#bridges.table];
  }

  #followBridges(): void {
    for (const change of this.#bridges?.follow() ?? []) this.#warn?.(change);
  }

  /** From when this returns, packets to them pass. @throws NetlinkError */
  disarm(endpoints: readonly Endpoint[]): void {
    this.#bridges?.disarm(endpoints);
    this.#members.edit(
      endpoints.flatMap((endpoint) => {
        const key = endpointKey(endpoint);
        return ['published', 'stopped', 'ended'].map((name) => ({ set: setFor(name, endpoint), key, isMember: false }));
      }),
    );
  }

  /** The packets of these users of this host are those of readiness probes from now on. @throws NetlinkError */
  passUsers(users: readonly number[]): void {
    this.#members.edit(
      users.map((user) => {
        const key = Buffer.alloc(4);
        // In the order of this machine.
        key.writeUInt32LE(user);
        return { set: USERS, key: key.toString('latin1'), isMember: true };
      }),
    );
  }

  /** They go on their way. */
  deliver(packets: readonly number[]): void {
    this.holder.accept(packets);
  }

  /** They are answered as a closed port does. */
  refuse(packets: readonly number[]): void {
    this.holder.refuse(packets);
  }

  drop(packets: readonly number[]): void {
    this.holder.drop(packets);
  }

  /**
   * From when this returns, the traffic to them is remembered, and open connections that the kernel tracks count as used now.
   * @param outgoing the addresses whose own flows count as well, in hexadecimal digits @throws NetlinkError
   */
  watch(endpoints: readonly Endpoint[], outgoing: readonly string[] = []): void {
    if (outgoing.length > 0) this.#add('outgoing', outgoingLayout);
    this.#followBridges();
    const own = new OwnAddresses();
    const ofOwn = endpoints.filter(({ address }) => own.has(address));
    if (ofOwn.length > 0) this.#add('own', ownLayout);
    if (ofOwn.some(({ address }) => !isLoopback(address))) this.#add('reachable', reachableLayout);
    this.#bridges?.watch(watchEdits(endpoints, outgoing, true));
    const edits = this.#members.edit(watchEdits(endpoints, outgoing, true, own));
    const added = new Set(edits.filter(({ isMember }) => isMember).map(({ key }) => key));
    const unseen = endpoints.filter((endpoint) => added.has(endpointKey(endpoint)));
    const flows = earlierFlows(this.socket, unseen);
    for (const version of [4, 6] as const) {
      const ofVersion = flows.filter(({ service }) => service.length === (version === 4 ? 8 : 32));
      for (let from = 0; from < ofVersion.length; from += MOST_AT_ONCE) {
        const some = ofVersion.slice(from, from + MOST_AT_ONCE);
        commit(this.socket, [
          ...this.table.add(`active${version}`, [...new Set(some.map(serviceKey))]),
          ...this.table.add(`flows${version}`, some.map(flowKey)),
        ]);
      }
    }
  }

  /** It is not remembered any more. @throws NetlinkError */
  unwatch(endpoints: readonly Endpoint[], outgoing: readonly string[] = []): void {
    this.#bridges?.watch(watchEdits(endpoints, outgoing, false));
    this.#members.edit(watchEdits(endpoints, outgoing, false, new OwnAddresses()));
  }

  /** Clients in these networks do not count as use from now on; to be called once. @throws NetlinkError */
  ignore(networks: readonly string[]): void {
    const ranges = addressRanges(networks);
    commit(this.socket, ignoredLayout(this.table, ranges));
    if (this.#bridges !== undefined) commit(this.socket, ignoredNetworks(this.#bridges.table, ranges));
  }

  /** What is known of the traffic to a service that is watched. @throws NetlinkError where nothing can be known */
  traffic(question: TrafficQuestion): TrafficReading {
    this.#followBridges();
    this.#bridges?.refuseUnseen(question.idle);
    return this.#traffic.read(question);
  }

  /** Turns connection tracking on, if nothing else has. @throws NetlinkError */
  trackConnections(): void {
    this.#add('tracked', trackConnections);
  }

  /**
   * Deletes what is tracked of connections to an address whose machine has ended.
   * @param address in hexadecimal digits @returns how many there were @throws NetlinkError
   */
  forgetConnections(address: string): number {
    return deleteConnections(this.socket, connectionsTo(this.socket, address));
  }

  #add(name: string, layoutOf: (table: NftTable, options: LayoutOptions) => Change[]): void {
    if (this.#additions.has(name)) return;
    commit(this.socket, layoutOf(this.table, this.layout));
    this.#additions.add(name);
  }

  /** The table ends, and what is held with it. */
  [Symbol.dispose](): void {
    this.holder[Symbol.dispose]();
    this.socket[Symbol.dispose]();
  }
}

/** @param own tells those apart that are this host's; without it, all are taken for others */
function watchEdits(
  endpoints: readonly Endpoint[],
  outgoing: readonly string[],
  isMember: boolean,
  own?: OwnAddresses,
): Edit[] {
  return [
    ...endpoints.flatMap((endpoint) => {
      const key = endpointKey(endpoint);
      if (own === undefined) return [{ set: setFor('known', endpoint), key, isMember }];
      const isOwn = own.has(endpoint.address);
      return [
        { set: setFor('known', endpoint), key, isMember: isMember && !isOwn },
        { set: setFor('here', endpoint), key, isMember: isMember && isOwn },
      ];
    }),
    ...outgoing.map((address) => ({
      set: setFor('outgoing', { address }),
      key: addressKey(address),
      isMember,
    })),
  ];
}

function serviceKey({ service, servicePort }: TrackedConnection): string {
  return endpointKey({ address: service, protocol: 'tcp', port: servicePort });
}

/** The address for people. */
function textOf(address: string): string {
  const bytes = Buffer.from(address, 'hex');
  return bytes.length === 4 ? bytes.join('.') : (address.match(/.{4}/g) ?? []).join(':');
}
