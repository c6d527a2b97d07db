import { be16 } from './attributes.js';
import {
  countFrom,
  countTowards,
  countingSets,
  ignoredLayout,
  keysOf,
  MISSED,
  type CountingOptions,
} from './counting-rules.js';
import {
  changeSet,
  equals,
  Header,
  isAtLeast,
  isIn,
  loadConnectionState,
  loadMeta,
  loadPayload,
  loadValue,
  Meta,
  rejectByIcmp,
  rejectByReset,
  SetChange,
  setMark,
  Verdict,
  verdict,
} from './nft-expressions.js';
import { Hook, KeyType, SetFlag, type Change, type NftTable, type SetDefinition } from './nft-messages.js';
import {
  Flag,
  hasFlags,
  hasPayload,
  isProtocol,
  loadEndpoint,
  loadFlow,
  TCP,
  UDP,
  VERSIONS,
  type Version,
} from './packet-matches.js';

/** What a table of Jitsu is made of. `nft list` shows it, and the README of this plugin explains it. */

export interface LayoutOptions extends CountingOptions {
  /** The packets of readiness probes have this mark. */
  readonly mark: number;
  /** The bridges whose own hosts send packets to stopped services on the same bridge. */
  readonly bridges: readonly string[];
  /** What holds a packet. */
  readonly hold: readonly Uint8Array[];
  /** Whether what holds a packet takes it away, so that a local sender would be told that it was dropped. */
  readonly takesAway: boolean;
}

/** How long it is known that a flow is a probe's, in milliseconds. */
const PROBE_MEMORY = 60_000;

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

/** The mark of packets that are to be refused: they go through the same rules once more. */
export function refusalMark(mark: number): number {
  return (mark ^ 0x5a5a_5a5a) >>> 0;
}

/** The mark of packets that are sent again or in place of a machine; those of probes are remembered, and do not count. */
export function deliveryMark(mark: number): number {
  return (mark ^ 0x3c3c_3c3c) >>> 0;
}

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

/** Turns connection tracking on for this network namespace. */
export function trackConnections(table: NftTable): Change[] {
  return [table.chain('tracked'), table.rule('tracked', loadConnectionState())];
}

/** A rule that the kernel takes if it can see payloads. */
export function payloadTrial(): readonly Uint8Array[] {
  return hasPayload(true);
}

function setsOf(version: Version, options: LayoutOptions): SetDefinition[] {
  const { digit } = version;
  const { endpoint, flow } = keysOf(version);
  return [
    ...countingSets(version, options),
    ...['here', 'stopped', 'published', 'ended'].map((name) => ({ name: `${name}${digit}`, parts: endpoint })),
    {
      ...{ name: `probes${digit}`, parts: flow, flags: SetFlag.TIMEOUT | SetFlag.DYNAMIC },
      ...{ timeout: PROBE_MEMORY, size: options.room },
    },
  ];
}

/** What is counted of packets to a service, by the way on which they come. */
function towards(table: NftTable, version: Version, options: LayoutOptions): Change[] {
  const { digit } = version;
  const chain = `to${digit}`;
  return [
    ...countTowards(table, version, options),
    table.chain(`arrived${digit}`),
    // It has been seen as it left, when it was known who sends it.
    table.rule(`arrived${digit}`, ...isOnLoopback(Meta.IFTYPE), verdict(Verdict.RETURN)),
    table.rule(`arrived${digit}`, verdict(Verdict.GOTO, chain)),
    table.chain(`left${digit}`),
    ...passProbes(version, options).map((expressions) => table.rule(`left${digit}`, ...expressions)),
    table.rule(`left${digit}`, verdict(Verdict.GOTO, chain)),
  ];
}

/** What is counted of packets from a service, by the way on which they go. */
function from(table: NftTable, version: Version, options: LayoutOptions): Change[] {
  const { digit } = version;
  const chain = `from${digit}`;
  return [
    ...countFrom(table, version, options),
    table.chain(`answered_out${digit}`),
    // It is seen as it arrives.
    table.rule(`answered_out${digit}`, ...isOnLoopback(Meta.OIFTYPE), verdict(Verdict.RETURN)),
    table.rule(`answered_out${digit}`, verdict(Verdict.GOTO, chain)),
    table.chain(`answered_here${digit}`),
    table.rule(`answered_here${digit}`, ...loadFlow(version, 'out'), isIn(`probes${digit}`), verdict(Verdict.RETURN)),
    table.rule(`answered_here${digit}`, verdict(Verdict.GOTO, chain)),
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

/** In the order of this machine, as marks and numbers of users are. */
function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function short(value: number): Buffer {
  return Buffer.from(be16(value)).swap16();
}
