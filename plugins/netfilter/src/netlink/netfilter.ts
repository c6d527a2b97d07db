import { addressRanges } from './address-ranges.js';
import { BridgeTable } from './bridge-table.js';
import {
  ABSENT,
  connectionsToAll,
  deleteConnections,
  flowKey,
  trackedConnections,
  type TrackedConnection,
} from './conntrack.js';
import { ignoredLayout } from './counting-rules.js';
import { earlierFlows } from './earlier-flows.js';
import {
  addressKey,
  addressOf,
  endpointKey,
  endpointOf,
  isLoopback,
  isTcp,
  OwnAddresses,
  PROTOCOLS,
  type Endpoint,
  type StoppedEndpoint,
} from './endpoint.js';
import { NetlinkError } from './netlink-error.js';
import type { NetlinkSocket } from './netlink-socket.js';
import type { Change, NftTable } from './nft-messages.js';
import { commit } from './nft-transaction.js';
import { OtherTables } from './other-tables.js';
import type { PacketHolder } from './packet-holder.js';
import type { PacketSender } from './packet-sender.js';
import { SetMembers, Sets, type Edit } from './set-members.js';
import {
  deliveryMark,
  outgoingLayout,
  ownLayout,
  publishedLayout,
  reachableLayout,
  trackConnections,
  unwatchedLayout,
  type LayoutOptions,
} from './table-layout.js';
import { TrafficReader, type TrafficQuestion, type TrafficReading } from './traffic-reader.js';

/** How packets are held, the best first: by nftables' own queue, by that of iptables, or as copies that are sent again. */
export const RUNGS = ['nft queue', 'xt NFQUEUE', 'NFLOG'] as const;
export type Rung = (typeof RUNGS)[number];

/** The sets that say of which services packets are held. */
const HOLDING = Sets.STOPPED | Sets.PUBLISHED | Sets.ENDED;

/** The sets of those whose traffic is remembered: behind this host, or at its own addresses. */
const WATCHED = Sets.KNOWN | Sets.HERE;

const NO_KEYS: readonly string[] = [];

/** The most connections of one transaction: without rights over the whole host it has to fit into a small buffer. */
const MOST_FLOWS = 2_000;

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

  /**
   * @param sender absent without the right to send packets of others (CAP_NET_RAW)
   * @param bridges the table of what crosses bridges where there is to be one, or why there is none
   */
  constructor(
    readonly rung: Rung,
    private readonly socket: NetlinkSocket,
    private readonly table: NftTable,
    private readonly holder: PacketHolder,
    private readonly layout: LayoutOptions,
    private readonly sender: PacketSender | undefined,
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
    let isUnwatched = false;
    const moved: Endpoint[] = [];
    const edits: Edit[] = [];
    for (const { key, connections } of endpoints) {
      const isOwn = own.has(addressOf(key));
      const watched = this.#members.of(key) & WATCHED;
      if (watched === 0) isUnwatched ||= !isOwn;
      else if (watched !== (isOwn ? Sets.HERE : Sets.KNOWN)) moved.push(endpointOf(key));
      const ended = isTcp(key) && connections !== 'pass' ? Sets.ENDED : 0;
      edits.push({ key, about: HOLDING, members: (isOwn ? Sets.PUBLISHED : Sets.STOPPED) | ended });
    }
    if (edits.some(({ members }) => (members & Sets.PUBLISHED) !== 0)) this.#add('published', publishedLayout);
    if (isUnwatched) this.#add('unwatched', unwatchedLayout);
    // What has become an address of this host since it is watched, or is one no more.
    if (moved.length > 0) this.watch(moved);
    const undoing = this.#members.edit(edits);
    // Looked for when ours are visible, so that of two that arm at once at least one sees the other.
    const taken = this.#others.findArmed(endpoints.map(({ key }) => key));
    if (taken === undefined) return this.#armOnBridges(endpoints, undoing);
    this.#members.edit(undoing.reverse());
    const { address, protocol, port } = endpointOf(taken.key);
    throw new NetlinkError(
      `hold packets for ${protocol}/${port} at ${textOf(address)}`,
      'EADDRINUSE',
      `the Jitsu with the table ${taken.table} does so already`,
    );
  }

  #armOnBridges(endpoints: readonly StoppedEndpoint[], undoing: Edit[]): void {
    try {
      this.#followBridges();
      this.#bridges?.arm(endpoints);
    } catch (error) {
      this.#members.edit(undoing.reverse());
      throw error;
    }
  }

  get #tables(): NftTable[] {
    return this.#bridges === undefined ? [this.table] : [this.table, this.#bridges.table];
  }

  #followBridges(): void {
    for (const change of this.#bridges?.follow() ?? []) this.#warn?.(change);
  }

  /** From when this returns, packets to them pass. @param keys of endpoints @throws NetlinkError */
  disarm(keys: readonly string[]): void {
    this.#bridges?.disarm(keys);
    const published = this.layout.takesAway
      ? keys.filter((key) => (this.#members.of(key) & Sets.PUBLISHED) !== 0)
      : NO_KEYS;
    this.#members.edit(keys.map((key) => ({ key, about: HOLDING, members: 0 })));
    if (published.length > 0) this.#forgetAttempts(new Set(published));
  }

  /**
   * What a client on this host has sent is taken away behind where it is tracked, so that the kernel has decided by then to
   * whom it goes: without that it goes where a published port leads now.
   */
  #forgetAttempts(keys: ReadonlySet<string>): void {
    try {
      const attempts = connectionsToEndpoints(this.socket, keys).filter(({ isEstablished }) => !isEstablished);
      deleteConnections(this.socket, attempts);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.#warn?.(`clients on this host may be refused by a published port, and have to try again: ${error.message}`);
    }
  }

  /** The packets of these users of this host are those of readiness probes from now on. @throws NetlinkError */
  passUsers(users: readonly number[]): void {
    this.#members.edit(
      users.map((user) => {
        const key = Buffer.alloc(4);
        // In the order of this machine.
        key.writeUInt32LE(user);
        return { key: key.toString('latin1'), about: Sets.USERS, members: Sets.USERS };
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

  /** Whether it has the right to send packets of its own (CAP_NET_RAW). */
  get sends(): boolean {
    return this.sender !== undefined;
  }

  /** Sends a whole IP packet, whose checksums are left out. */
  send(packet: Buffer): void {
    this.sender?.send(packet, deliveryMark(this.layout.mark));
  }

  /**
   * From when this returns, the traffic to them is remembered, and open connections that the kernel tracks count as used now.
   * @param outgoing the addresses whose own flows count as well, in hexadecimal digits @throws NetlinkError
   */
  watch(endpoints: readonly Endpoint[], outgoing: readonly string[] = []): void {
    if (outgoing.length > 0) this.#add('outgoing', outgoingLayout);
    this.#followBridges();
    const edits = watchEdits(endpoints, outgoing, true);
    this.#bridges?.watch(edits);
    const added = new Set(this.#members.edit(this.#whereTheyAre(edits)).map(({ key }) => key));
    const unseen = endpoints.filter((endpoint) => added.has(endpointKey(endpoint)));
    const flows = earlierFlows(this.socket, unseen);
    for (const version of [4, 6] as const) {
      const ofVersion = flows.filter(({ service }) => service.length === (version === 4 ? 8 : 32));
      for (let from = 0; from < ofVersion.length; from += MOST_FLOWS) {
        const some = ofVersion.slice(from, from + MOST_FLOWS);
        commit(this.socket, [
          ...this.table.add(`active${version}`, [...new Set(some.map(serviceKeyOf))]),
          ...this.table.add(`flows${version}`, some.map(flowKey)),
        ]);
      }
    }
  }

  /** It is not remembered any more. @throws NetlinkError */
  unwatch(endpoints: readonly Endpoint[], outgoing: readonly string[] = []): void {
    const edits = watchEdits(endpoints, outgoing, false);
    this.#bridges?.watch(edits);
    this.#members.edit(this.#whereTheyAre(edits));
  }

  /** The same for this table, where services at addresses of this host are in a set of their own. */
  #whereTheyAre(edits: readonly Edit[]): Edit[] {
    const own = new OwnAddresses();
    return edits.map((edit) => {
      const { key, about, members } = edit;
      if (about !== Sets.KNOWN) return edit;
      const address = addressOf(key);
      if (members === 0 || !own.has(address)) return { key, about: WATCHED, members };
      this.#add('own', ownLayout);
      if (!isLoopback(address)) this.#add('reachable', reachableLayout);
      return { key, about: WATCHED, members: Sets.HERE };
    });
  }

  /** Clients in these networks do not count as use from now on; to be called once. @throws NetlinkError */
  ignore(networks: readonly string[]): void {
    const ranges = addressRanges(networks);
    for (const table of this.#tables) commit(this.socket, ignoredLayout(table, ranges));
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
   * Deletes what is tracked of connections to endpoints whose machines have ended; what else is at their addresses may go
   * on. @param keys of endpoints @returns how many there were
   */
  forgetConnections(keys: ReadonlySet<string>): number {
    try {
      // All that is stopped is armed when Jitsu starts, and a list of connections takes long.
      if (trackedConnections(this.socket) === 0) return 0;
      return deleteConnections(this.socket, connectionsToEndpoints(this.socket, keys));
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      if (!ABSENT.includes(error.code)) {
        this.#warn?.(`the kernel may still track connections to machines that have ended: ${error.message}`);
      }
      return 0;
    }
  }

  #add(name: string, layoutOf: (table: NftTable, options: LayoutOptions) => Change[]): void {
    if (this.#additions.has(name)) return;
    commit(this.socket, layoutOf(this.table, this.layout));
    this.#additions.add(name);
  }

  /** The table ends, and what is held with it. */
  [Symbol.dispose](): void {
    this.holder[Symbol.dispose]();
    this.sender?.[Symbol.dispose]();
    this.socket[Symbol.dispose]();
  }
}

/** @param keys of endpoints */
function connectionsToEndpoints(socket: NetlinkSocket, keys: ReadonlySet<string>): TrackedConnection[] {
  const addresses = new Set<string>();
  for (const key of keys) addresses.add(endpointOf(key).address);
  return connectionsToAll(socket, addresses).filter(({ service, servicePort, protocol }) => {
    if (protocol !== PROTOCOLS.tcp && protocol !== PROTOCOLS.udp) return false;
    const name = protocol === PROTOCOLS.tcp ? 'tcp' : 'udp';
    return keys.has(endpointKey({ address: service, protocol: name, port: servicePort }));
  });
}

function watchEdits(endpoints: readonly Endpoint[], outgoing: readonly string[], isMember: boolean): Edit[] {
  return [
    ...endpoints.map((endpoint) => editOf(endpointKey(endpoint), Sets.KNOWN, isMember)),
    ...outgoing.map((address) => editOf(addressKey(address), Sets.OUTGOING, isMember)),
  ];
}

function editOf(key: string, about: number, isMember: boolean): Edit {
  return { key, about, members: isMember ? about : 0 };
}

function serviceKeyOf({ service, servicePort }: TrackedConnection): string {
  return endpointKey({ address: service, protocol: 'tcp', port: servicePort });
}

/** The address for people. */
function textOf(address: string): string {
  const bytes = Buffer.from(address, 'hex');
  return bytes.length === 4 ? bytes.join('.') : (address.match(/.{4}/g) ?? []).join(':');
}
