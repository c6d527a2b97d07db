import { be16 } from './attributes.js';
import {
  changeSet,
  count,
  differs,
  equals,
  FIRST_REGISTER,
  Header,
  isAtLeast,
  isIn,
  loadConnectionState,
  loadMeta,
  loadPayload,
  loadValue,
  mask,
  Meta,
  rejectByIcmp,
  rejectByReset,
  SetChange,
  setMark,
  Verdict,
  verdict,
} from './nft-expressions.js';
import { Family, Hook, KeyType, SetFlag, type Change, type NftTable, type SetDefinition } from './nft-messages.js';

/** What a table of Jitsu is made of. `nft list` shows it, and the README of this plugin explains it. */

export interface LayoutOptions {
  /** The packets of readiness probes have this mark. */
  readonly mark: number;
  /** The bridges whose own hosts send packets to stopped services on the same bridge. */
  readonly bridges: readonly string[];
  /** Networks whose clients do not count, each by its first address and the one behind its last. */
  readonly ignored: readonly AddressRange[];
  /** How long traffic is remembered, in milliseconds. */
  readonly memory: number;
  /** Within which datagrams go in both directions where they count, in milliseconds. */
  readonly window: number;
  /** The most clients that are known at once, by each set. */
  readonly room: number;
  /** What holds a packet. */
  readonly hold: readonly Uint8Array[];
  /** Whether what holds a packet takes it away, so that a local sender would be told that it was dropped. */
  readonly takesAway: boolean;
  /** Whether a rule can see the payload of TCP (Linux 5.16): otherwise PSH stands for it. */
  readonly seesPayload: boolean;
}

/** In hexadecimal digits. */
export interface AddressRange {
  readonly first: string;
  /** Absent where there is none. */
  readonly behind: string | undefined;
}

/** The most elements of sets in which each service has one. */
export const MOST_ACTIVE = 1_048_576;

/** How long it is known that a flow is a probe's, in milliseconds. */
const PROBE_MEMORY = 60_000;

/** The counter of packets that a full set could not record. */
export const MISSED = 'missed';

/** The set of the users whose packets are those of readiness probes. */
export const USERS = 'users';

/** Before any other. */
const FIRST = -310;
/** Behind all that translates the addresses of senders. */
const LAST = 300;
/** Before the addresses of published ports are translated. */
const BEFORE_TRANSLATION = -150;
/** Behind the firewall. */
const BEHIND_FIREWALL = 100;

/** The first of the ports that systems give to clients. */
const FIRST_OF_CLIENTS = 32_768;

/** The room for the name of an interface. */
const INTERFACE_NAME = 16;

/** ARPHRD_LOOPBACK. */
const LOOPBACK = 772;

export const TCP = Uint8Array.of(6);
export const UDP = Uint8Array.of(17);
export const Flag = { FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, ACK: 0x10 } as const;

/** The mark of packets that are to be refused: they go through the same rules once more. */
export function refusalMark(mark: number): number {
  return (mark ^ 0x5a5a_5a5a) >>> 0;
}

/** The mark of packets that are sent again or in place of a machine; those of probes are remembered, and do not count. */
export function deliveryMark(mark: number): number {
  return (mark ^ 0x3c3c_3c3c) >>> 0;
}

/** What differs between IPv4 and IPv6. */
export interface Version {
  readonly digit: 4 | 6;
  readonly family: number;
  readonly type: number;
  readonly length: number;
  readonly sourceAt: number;
  readonly destinationAt: number;
}

export const VERSIONS: readonly Version[] = [
  { digit: 4, family: Family.IPV4, type: KeyType.IPV4, length: 4, sourceAt: 12, destinationAt: 16 },
  { digit: 6, family: Family.IPV6, type: KeyType.IPV6, length: 16, sourceAt: 8, destinationAt: 24 },
];

/** The changes that make the table, which was empty. */
export function tableLayout(table: NftTable, options: LayoutOptions): Change[] {
  return [
    table.counter(MISSED),
    table.set({ name: USERS, parts: [[KeyType.USER, 4]] }),
    ...VERSIONS.flatMap((version) => setsOf(version, options).map((set) => table.set(set))),
    ...VERSIONS.flatMap((version) => [
      ...towards(table, version, options),
      ...from(table, version, options),
      ...holding(table, version, options),
    ]),
    ...entrances(table, options),
    ...ignoredLayout(table, options.ignored),
  ];
}

/** What is added when the first networks are named whose clients do not count. */
export function ignoredLayout(table: NftTable, ranges: readonly AddressRange[]): Change[] {
  return VERSIONS.flatMap((version) => {
    const { digit, length, sourceAt, destinationAt } = version;
    const elements = ignoredOf(table, version, ranges);
    if (elements.length === 0) return [];
    const ignore = (chain: string, clientAt: number): Change =>
      table.firstRule(
        `${chain}${digit}`,
        loadPayload(Header.NETWORK, clientAt, length),
        isIn(`ignored${digit}`),
        verdict(Verdict.RETURN),
      );
    return [...elements, ignore('to', sourceAt), ignore('from', destinationAt)];
  });
}

/** Clients in these ranges do not count any more, by rules that are there. */
export function ignoredNetworks(table: NftTable, ranges: readonly AddressRange[]): Change[] {
  return VERSIONS.flatMap((version) => ignoredOf(table, version, ranges));
}

/** Turns connection tracking on for this network namespace. */
export function trackConnections(table: NftTable): Change[] {
  return [table.chain('tracked'), table.rule('tracked', loadConnectionState())];
}

/** A rule that the kernel takes if it can see payloads. */
export function payloadTrial(): readonly Uint8Array[] {
  return hasPayload(true);
}

function setsOf(version: Version, { memory, window, room }: LayoutOptions): SetDefinition[] {
  const { digit, type, length } = version;
  const address = [type, length] as const;
  const protocol = [KeyType.PROTOCOL, 4] as const;
  const port = [KeyType.PORT, 4] as const;
  const endpoint = [address, protocol, port];
  const flow = [address, port, address, protocol, port];
  const dynamic = SetFlag.TIMEOUT | SetFlag.DYNAMIC;
  return [
    ...['known', 'here', 'stopped', 'published', 'ended'].map((name) => ({ name: `${name}${digit}`, parts: endpoint })),
    { name: `active${digit}`, parts: endpoint, flags: dynamic, timeout: memory, size: MOST_ACTIVE },
    { name: `flows${digit}`, parts: flow, flags: dynamic, timeout: memory, size: room },
    { name: `asked${digit}`, parts: flow, flags: dynamic, timeout: window, size: room },
    { name: `probes${digit}`, parts: flow, flags: dynamic, timeout: PROBE_MEMORY, size: room },
    { name: `outgoing${digit}`, parts: [address] },
    { name: `sent${digit}`, parts: [address], flags: dynamic, timeout: memory, size: MOST_ACTIVE },
    { name: `ignored${digit}`, parts: [address], flags: SetFlag.INTERVAL },
  ];
}

export function ignoredOf(table: NftTable, version: Version, ignored: LayoutOptions['ignored']): Change[] {
  const ranges = ignored
    .filter(({ first }) => first.length === version.length * 2)
    .map(({ first, behind }) => {
      return [Buffer.from(first, 'hex'), behind === undefined ? undefined : Buffer.from(behind, 'hex')] as const;
    });
  return ranges.length === 0 ? [] : [table.addRanges(`ignored${version.digit}`, ranges)];
}

/** What is counted of packets to a service. */
function towards(table: NftTable, version: Version, options: LayoutOptions): Change[] {
  const { digit } = version;
  const chain = `to${digit}`;
  const use = `use_to${digit}`;
  const flow = loadFlow(version, 'in');
  const rule = (...expressions: readonly Uint8Array[]): Change => table.rule(chain, ...expressions);
  return [
    ...recorded(table, version, use, flow),
    table.chain(chain),
    rule(...isProtocol(TCP), ...hasPayload(options.seesPayload), verdict(Verdict.GOTO, use)),
    rule(...isProtocol(UDP), ...flow, changeSet(`asked${digit}`, SetChange.UPDATE), verdict(Verdict.RETURN)),
    rule(...isProtocol(UDP), count(MISSED), verdict(Verdict.RETURN)),
    rule(...isProtocol(TCP), ...hasFlags(Flag.RST, Flag.RST), ...flow, changeSet(`flows${digit}`, SetChange.DELETE)),
    table.chain(`arrived${digit}`),
    // It has been seen as it left, when it was known who sends it.
    table.rule(`arrived${digit}`, ...isOnLoopback(Meta.IFTYPE), verdict(Verdict.RETURN)),
    table.rule(`arrived${digit}`, verdict(Verdict.GOTO, chain)),
    table.chain(`left${digit}`),
    ...passProbes(version, options).map((expressions) => table.rule(`left${digit}`, ...expressions)),
    table.rule(`left${digit}`, verdict(Verdict.GOTO, chain)),
  ];
}

/** What is counted of packets from a service. */
function from(table: NftTable, version: Version, options: LayoutOptions): Change[] {
  const { digit } = version;
  const chain = `from${digit}`;
  const use = `use_from${digit}`;
  const answered = `answered${digit}`;
  const flow = loadFlow(version, 'out');
  const rule = (...expressions: readonly Uint8Array[]): Change => table.rule(chain, ...expressions);
  return [
    ...recorded(table, version, use, flow),
    table.chain(answered),
    table.rule(
      answered,
      ...loadEndpoint(version, 'source'),
      changeSet(`active${digit}`, SetChange.UPDATE),
      verdict(Verdict.RETURN),
    ),
    table.rule(answered, count(MISSED)),
    table.chain(chain),
    rule(...isProtocol(UDP), ...flow, isIn(`asked${digit}`), verdict(Verdict.GOTO, answered)),
    rule(...isProtocol(TCP), ...hasPayload(options.seesPayload), verdict(Verdict.GOTO, use)),
    // A service that has said all; what it says later would be recorded again.
    rule(...isProtocol(TCP), ...hasAnyFlag(Flag.FIN | Flag.RST), ...flow, changeSet(`flows${digit}`, SetChange.DELETE)),
    table.chain(`answered_out${digit}`),
    // It is seen as it arrives.
    table.rule(`answered_out${digit}`, ...isOnLoopback(Meta.OIFTYPE), verdict(Verdict.RETURN)),
    table.rule(`answered_out${digit}`, verdict(Verdict.GOTO, chain)),
    table.chain(`answered_here${digit}`),
    table.rule(`answered_here${digit}`, ...flow, isIn(`probes${digit}`), verdict(Verdict.RETURN)),
    table.rule(`answered_here${digit}`, verdict(Verdict.GOTO, chain)),
  ];
}

/** Records a packet with payload: of its connection, and of its service. */
export function recorded(
  table: NftTable,
  { digit, length }: Version,
  chain: string,
  flow: readonly Uint8Array[],
): Change[] {
  // The endpoint of the service is the end of the flow.
  const endpointAt = FIRST_REGISTER + length / 4 + 1;
  return [
    table.chain(chain),
    table.rule(
      chain,
      ...flow,
      changeSet(`active${digit}`, SetChange.UPDATE, { register: endpointAt }),
      changeSet(`flows${digit}`, SetChange.UPDATE),
      verdict(Verdict.RETURN),
    ),
    table.rule(chain, count(MISSED)),
  ];
}

/** What is held of packets to services that are stopped. */
function holding(table: NftTable, version: Version, options: LayoutOptions): Change[] {
  const chain = `hold${version.digit}`;
  const refused = [loadMeta(Meta.MARK), equals(word(refusalMark(options.mark)))];
  const isLater = hasFlags(Flag.SYN | Flag.RST | Flag.ACK, Flag.ACK);
  const rule = (...expressions: readonly Uint8Array[]): Change => table.rule(chain, ...expressions);
  return [
    table.chain(chain),
    ...passProbes(version, options).map((expressions) => rule(...expressions)),
    ...(options.takesAway
      ? [rule(loadMeta(Meta.MARK), equals(word(deliveryMark(options.mark))), verdict(Verdict.RETURN))]
      : []),
    rule(...refused, ...isProtocol(TCP), rejectByReset()),
    rule(...refused, rejectByIcmp()),
    rule(...isProtocol(UDP), ...options.hold),
    rule(...isProtocol(TCP), ...hasFlags(Flag.SYN | Flag.RST | Flag.ACK, Flag.SYN), ...options.hold),
    // What a probe's connection sends when the probe has closed it, has no user any more.
    rule(
      ...isProtocol(TCP),
      ...isLater,
      ...loadFlow(version, 'in'),
      isIn(`probes${version.digit}`),
      verdict(Verdict.RETURN),
    ),
    rule(
      ...isProtocol(TCP),
      ...isLater,
      ...loadEndpoint(version, 'destination'),
      isIn(`ended${version.digit}`),
      ...options.hold,
    ),
  ];
}

/**
 * Where packets come into the table. What is forwarded meets one hook, behind the firewall, where it is counted and held:
 * what the firewall drops is no use.
 */
function entrances(table: NftTable, options: LayoutOptions): Change[] {
  return [
    ...VERSIONS.flatMap((version) => passing(table, version)),
    table.chain('forwarded', { hook: Hook.FORWARD, priority: BEHIND_FIREWALL }),
    ...VERSIONS.map((version) =>
      table.rule('forwarded', ...isVersion(version), verdict(Verdict.GOTO, `forwarded${version.digit}`)),
    ),
    table.chain('leaving', { hook: Hook.OUTPUT, priority: BEHIND_FIREWALL }),
    ...entrance(table, 'leaving', 'destination', 'known', 'leaving'),
    // Of addresses that have become this host's own since they are watched.
    ...entrance(table, 'leaving', 'source', 'known', 'answered_out'),
    table.chain('arriving', { hook: Hook.INPUT, priority: LAST }),
    ...entrance(table, 'arriving', 'destination', 'known', 'arrived'),
    ...entrance(table, 'arriving', 'source', 'known', 'answered_here'),
    ...heldOnBridges(table, options),
  ];
}

/** What is asked of a packet that goes to a service, or comes from one. */
function passing(table: NftTable, version: Version): Change[] {
  const { digit } = version;
  const [forwarded, passing, leaving] = [`forwarded${digit}`, `passing${digit}`, `leaving${digit}`];
  const heldIfStopped = [
    ...loadEndpoint(version, 'destination'),
    isIn(`stopped${digit}`),
    verdict(Verdict.GOTO, `hold${digit}`),
  ];
  return [
    table.chain(passing),
    table.rule(passing, verdict(Verdict.JUMP, `to${digit}`)),
    table.rule(passing, ...heldIfStopped),
    // It comes from a client's port, so one look into the set is enough.
    table.rule(
      passing,
      ...isProtocol(TCP),
      ...[loadPayload(Header.TRANSPORT, 0, 2), isAtLeast(be16(FIRST_OF_CLIENTS)), verdict(Verdict.ACCEPT)],
    ),
    table.chain(leaving),
    table.rule(leaving, verdict(Verdict.JUMP, `left${digit}`)),
    table.rule(leaving, ...heldIfStopped),
    table.chain(forwarded),
    ...(['destination', 'source'] as const).map((end) =>
      table.rule(
        forwarded,
        ...[...loadEndpoint(version, end), isIn(`known${digit}`)],
        verdict(Verdict.JUMP, end === 'destination' ? passing : `from${digit}`),
      ),
    ),
  ];
}

/** What is added when the first service is watched at an address of this host. */
export function ownLayout(table: NftTable): Change[] {
  return [
    table.chain('leaving_to_here', { hook: Hook.OUTPUT, priority: BEFORE_TRANSLATION }),
    ...entrance(table, 'leaving_to_here', 'destination', 'here', 'left'),
    ...entrance(table, 'arriving', 'source', 'here', 'answered_here'),
  ];
}

/** What is added when it is an address that others can reach, so that its ports may be a container's: all packets pay. */
export function reachableLayout(table: NftTable): Change[] {
  return [
    table.chain('arriving_from_elsewhere', { hook: Hook.PREROUTING, priority: BEFORE_TRANSLATION }),
    ...entrance(table, 'arriving_from_elsewhere', 'destination', 'here', 'arrived'),
    table.chain('answering', { hook: Hook.POSTROUTING, priority: LAST }),
    ...entrance(table, 'answering', 'source', 'here', 'answered_out'),
  ];
}

/** What is added when a service is armed that is not watched: its packets are not known otherwise. */
export function unwatchedLayout(table: NftTable): Change[] {
  return [
    ...VERSIONS.map((version) =>
      table.rule(
        `forwarded${version.digit}`,
        ...[...loadEndpoint(version, 'destination'), isIn(`stopped${version.digit}`)],
        verdict(Verdict.JUMP, `hold${version.digit}`),
      ),
    ),
    ...entrance(table, 'leaving', 'destination', 'stopped', 'hold'),
  ];
}

/** What is added when the first address of this host is armed: all packets that come pay for it. */
export function publishedLayout(table: NftTable, { mark, takesAway }: LayoutOptions): Change[] {
  return [
    ...VERSIONS.flatMap(({ digit }) => [
      table.chain(`published${digit}`),
      // It is held where it leaves, or behind where the addresses of local senders are translated.
      table.rule(`published${digit}`, ...isOnLoopback(Meta.IFTYPE), verdict(Verdict.RETURN)),
      table.rule(`published${digit}`, verdict(Verdict.GOTO, `hold${digit}`)),
    ]),
    table.chain('held_published', { hook: Hook.PREROUTING, priority: BEFORE_TRANSLATION }),
    ...entrance(table, 'held_published', 'destination', 'published', 'published'),
    ...(takesAway ? markedAsTheyLeave(table, mark) : []),
    // A sender on this host is told of what is taken away as it leaves, and not of what is taken away as it arrives.
    table.chain('held_here', { hook: takesAway ? Hook.INPUT : Hook.OUTPUT, priority: BEFORE_TRANSLATION }),
    ...entrance(table, 'held_here', 'destination', 'published', 'hold'),
  ];
}

/** What is added when the first address is watched whose own flows count. */
export function outgoingLayout(table: NftTable): Change[] {
  return [
    table.chain('opening', { hook: Hook.PREROUTING, priority: FIRST }),
    ...VERSIONS.map((version) =>
      table.rule(
        'opening',
        ...isVersion(version),
        loadPayload(Header.NETWORK, version.sourceAt, version.length),
        isIn(`outgoing${version.digit}`),
        changeSet(`sent${version.digit}`, SetChange.UPDATE),
      ),
    ),
  ];
}

/** Has packets with one end in a set go to a chain. */
function entrance(
  table: NftTable,
  chain: string,
  end: 'source' | 'destination',
  set: string,
  target: string,
): Change[] {
  return VERSIONS.map((version) =>
    table.rule(
      chain,
      ...isVersion(version),
      ...[...loadEndpoint(version, end), isIn(`${set}${version.digit}`)],
      verdict(Verdict.JUMP, `${target}${version.digit}`),
    ),
  );
}

/**
 * What goes from one port of a bridge to another does not come to the hook for forwarded packets while the port of the
 * stopped machine is down. These rules see it where the kernel hands packets of bridges to them (br_netfilter).
 */
function heldOnBridges(table: NftTable, { bridges }: LayoutOptions): Change[] {
  if (bridges.length === 0) return [];
  return [
    table.chain('bridged'),
    ...entrance(table, 'bridged', 'destination', 'stopped', 'hold'),
    table.chain('held_bridged', { hook: Hook.PREROUTING, priority: BEFORE_TRANSLATION }),
    ...bridges.map((bridge) => {
      const name = Buffer.alloc(INTERFACE_NAME);
      name.write(bridge);
      return table.rule('held_bridged', loadMeta(Meta.IIFNAME), equals(name), verdict(Verdict.JUMP, 'bridged'));
    }),
  ];
}

/** Who has sent a packet is not known any more when it arrives. */
function markedAsTheyLeave(table: NftTable, mark: number): Change[] {
  return [
    table.chain('marked', { hook: Hook.OUTPUT, priority: BEFORE_TRANSLATION }),
    table.rule('marked', loadMeta(Meta.SKUID), isIn(USERS), loadValue(word(mark)), setMark()),
  ];
}

/** Remembers the flows of probes, and has their packets leave the chain. */
function passProbes(version: Version, options: LayoutOptions): (readonly Uint8Array[])[] {
  return ownPackets(options).flatMap((own) => [
    [...own, ...loadFlow(version, 'in'), changeSet(`probes${version.digit}`, SetChange.UPDATE)],
    [...own, verdict(Verdict.RETURN)],
  ]);
}

function ownPackets({ mark }: LayoutOptions): (readonly Uint8Array[])[] {
  return [
    [loadMeta(Meta.MARK), equals(word(mark))],
    [loadMeta(Meta.SKUID), isIn(USERS)],
  ];
}

/** @param key of the type of the device by which a packet comes or goes */
function isOnLoopback(key: number): readonly Uint8Array[] {
  return [loadMeta(key), equals(short(LOOPBACK))];
}

function isVersion({ family }: Version): readonly Uint8Array[] {
  return [loadMeta(Meta.NFPROTO), equals(Uint8Array.of(family))];
}

export function isProtocol(protocol: Uint8Array): readonly Uint8Array[] {
  return [loadMeta(Meta.L4PROTO), equals(protocol)];
}

/** Whether a TCP packet has at least two bytes: probes that keep a connection open have none, or one. */
export function hasPayload(seesPayload: boolean): readonly Uint8Array[] {
  return seesPayload ? [loadPayload(Header.INNER, 0, 2)] : hasFlags(Flag.PSH, Flag.PSH);
}

export function hasFlags(those: number, set: number): readonly Uint8Array[] {
  return [loadPayload(Header.TRANSPORT, 13, 1), mask(Uint8Array.of(those)), equals(Uint8Array.of(set))];
}

export function hasAnyFlag(those: number): readonly Uint8Array[] {
  return [loadPayload(Header.TRANSPORT, 13, 1), mask(Uint8Array.of(those)), differs(Uint8Array.of(0))];
}

/** Loads one end of a packet as a key: address, protocol, port. */
export function loadEndpoint(
  version: Version,
  end: 'source' | 'destination',
  register = FIRST_REGISTER,
): readonly Uint8Array[] {
  const words = version.length / 4;
  const [addressAt, portAt] = end === 'source' ? [version.sourceAt, 0] : [version.destinationAt, 2];
  return [
    loadPayload(Header.NETWORK, addressAt, version.length, register),
    loadMeta(Meta.L4PROTO, register + words),
    loadPayload(Header.TRANSPORT, portAt, 2, register + words + 1),
  ];
}

/** Loads a flow as a key: address and port of the client, then the endpoint of the service. */
export function loadFlow(version: Version, direction: 'in' | 'out'): readonly Uint8Array[] {
  const words = version.length / 4;
  const [addressAt, portAt] = direction === 'in' ? [version.sourceAt, 0] : [version.destinationAt, 2];
  return [
    loadPayload(Header.NETWORK, addressAt, version.length),
    loadPayload(Header.TRANSPORT, portAt, 2, FIRST_REGISTER + words),
    ...loadEndpoint(version, direction === 'in' ? 'destination' : 'source', FIRST_REGISTER + words + 1),
  ];
}

/** In the order of this machine, as marks and numbers of users are. */
function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function short(value: number): Buffer {
  return Buffer.from(be16(value)).swap16();
}
