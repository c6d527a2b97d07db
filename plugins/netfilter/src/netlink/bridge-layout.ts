import {
  changeSet,
  count,
  equals,
  FIRST_REGISTER,
  Header,
  isIn,
  loadMeta,
  loadPayload,
  Meta,
  SetChange,
  Verdict,
  verdict,
} from './nft-expressions.js';
import { Hook, KeyType, SetFlag, type Change, type NftTable, type SetDefinition } from './nft-messages.js';
import {
  Flag,
  hasAnyFlag,
  hasFlags,
  hasPayload,
  ignoredOf,
  isProtocol,
  loadEndpoint,
  loadFlow,
  MISSED,
  MOST_ACTIVE,
  recorded,
  TCP,
  UDP,
  VERSIONS,
  type LayoutOptions,
  type Version,
} from './table-layout.js';

/**
 * What the table of family bridge is made of: that of what goes from one port of a bridge to another, and so comes to no
 * rule for IP unless br_netfilter hands it to them.
 */

export type BridgeLayoutOptions = Pick<
  LayoutOptions,
  'ignored' | 'memory' | 'window' | 'room' | 'hold' | 'seesPayload'
>;

/** Behind the rules for IP, to which br_netfilter hands packets at 0: what those hold does not come here. */
const BEHIND_IP = 100;
/** Behind the firewall: what it drops is no use. */
const LAST = 300;

/** The length of a MAC address, and the room for it in a key, in bytes. */
const MAC = 6;
export const MAC_ROOM = 8;

/** Values of EtherType. */
const ETHER_TYPES = { 4: Uint8Array.of(0x08, 0x00), 6: Uint8Array.of(0x86, 0xdd) } as const;

/** The changes that make the table, which was empty. */
export function bridgeLayout(table: NftTable, options: BridgeLayoutOptions): Change[] {
  return [
    table.counter(MISSED),
    ...VERSIONS.flatMap((version) => [
      ...setsOf(version, options).map((set) => table.set(set)),
      ...ignoredOf(table, version, options.ignored),
      ...counting(table, version, options),
      ...holding(table, version, options),
    ]),
    table.chain('held', { hook: Hook.PREROUTING, priority: BEHIND_IP }),
    ...VERSIONS.map((version) =>
      table.rule(
        'held',
        ...isVersion(version),
        loadPayload(Header.LINK, 0, MAC),
        ...loadEndpoint(version, 'destination', FIRST_REGISTER + MAC_ROOM / 4),
        isIn(`stopped${version.digit}`),
        verdict(Verdict.JUMP, `hold${version.digit}`),
      ),
    ),
  ];
}

/** What is added while the rules for IP do not see what crosses bridges. */
export function crossingLayout(table: NftTable, digit: 4 | 6): Change[] {
  const chain = crossingChain(digit);
  return [
    table.chain(chain, { hook: Hook.FORWARD, priority: LAST }),
    ...VERSIONS.filter((version) => version.digit === digit).flatMap((version) => [
      table.rule(
        chain,
        ...isVersion(version),
        ...loadEndpoint(version, 'destination'),
        ...[isIn(`known${digit}`), verdict(Verdict.JUMP, `to${digit}`)],
      ),
      table.rule(
        chain,
        ...isVersion(version),
        ...loadEndpoint(version, 'source'),
        ...[isIn(`known${digit}`), verdict(Verdict.JUMP, `from${digit}`)],
      ),
      table.rule(
        chain,
        ...isVersion(version),
        loadPayload(Header.NETWORK, version.sourceAt, version.length),
        ...[isIn(`outgoing${digit}`), changeSet(`sent${digit}`, SetChange.UPDATE)],
      ),
    ]),
  ];
}

export function crossingChain(digit: 4 | 6): string {
  return `crossing${digit}`;
}

function setsOf({ digit, type, length }: Version, { memory, window, room }: BridgeLayoutOptions): SetDefinition[] {
  const address = [type, length] as const;
  const port = [KeyType.PORT, 4] as const;
  const endpoint = [address, [KeyType.PROTOCOL, 4], port] as const;
  const flow = [address, port, ...endpoint];
  const dynamic = SetFlag.TIMEOUT | SetFlag.DYNAMIC;
  return [
    { name: `known${digit}`, parts: endpoint },
    { name: `active${digit}`, parts: endpoint, flags: dynamic, timeout: memory, size: MOST_ACTIVE },
    { name: `flows${digit}`, parts: flow, flags: dynamic, timeout: memory, size: room },
    { name: `asked${digit}`, parts: flow, flags: dynamic, timeout: window, size: room },
    { name: `outgoing${digit}`, parts: [address] },
    { name: `sent${digit}`, parts: [address], flags: dynamic, timeout: memory, size: MOST_ACTIVE },
    { name: `ignored${digit}`, parts: [address], flags: SetFlag.INTERVAL },
    // With the MAC, packets that this host is to route are not held before its firewall has seen them.
    { name: `stopped${digit}`, parts: [[KeyType.MAC, MAC_ROOM], ...endpoint] },
    { name: `ended${digit}`, parts: endpoint },
  ];
}

/** What is counted of packets to a service and from it: the same as in the table for IP, and no probes, which never cross. */
function counting(table: NftTable, version: Version, options: BridgeLayoutOptions): Change[] {
  const { digit } = version;
  const [to, from, answered] = [`to${digit}`, `from${digit}`, `answered${digit}`];
  const [useTo, useFrom] = [`use_to${digit}`, `use_from${digit}`];
  const [flowIn, flowOut] = [loadFlow(version, 'in'), loadFlow(version, 'out')];
  const isPayload = [...isProtocol(TCP), ...hasPayload(options.seesPayload)];
  const isIgnored = (at: number): readonly Uint8Array[] => [
    loadPayload(Header.NETWORK, at, version.length),
    isIn(`ignored${digit}`),
    verdict(Verdict.RETURN),
  ];
  const end = (flow: readonly Uint8Array[]): readonly Uint8Array[] => [
    ...flow,
    changeSet(`flows${digit}`, SetChange.DELETE),
  ];
  return [
    ...recorded(table, version, useTo, flowIn),
    table.chain(to),
    table.rule(to, ...isIgnored(version.sourceAt)),
    table.rule(to, ...isPayload, verdict(Verdict.GOTO, useTo)),
    table.rule(
      to,
      ...isProtocol(UDP),
      ...flowIn,
      changeSet(`asked${digit}`, SetChange.UPDATE),
      verdict(Verdict.RETURN),
    ),
    table.rule(to, ...isProtocol(UDP), count(MISSED), verdict(Verdict.RETURN)),
    table.rule(to, ...isProtocol(TCP), ...hasFlags(Flag.RST, Flag.RST), ...end(flowIn)),
    ...recorded(table, version, useFrom, flowOut),
    table.chain(answered),
    table.rule(
      answered,
      ...loadEndpoint(version, 'source'),
      changeSet(`active${digit}`, SetChange.UPDATE),
      verdict(Verdict.RETURN),
    ),
    table.rule(answered, count(MISSED)),
    table.chain(from),
    table.rule(from, ...isIgnored(version.destinationAt)),
    table.rule(from, ...isProtocol(UDP), ...flowOut, isIn(`asked${digit}`), verdict(Verdict.GOTO, answered)),
    table.rule(from, ...isPayload, verdict(Verdict.GOTO, useFrom)),
    table.rule(from, ...isProtocol(TCP), ...hasAnyFlag(Flag.FIN | Flag.RST), ...end(flowOut)),
  ];
}

/** What is held of packets to the MAC of a machine that is stopped. */
function holding(table: NftTable, version: Version, { hold }: BridgeLayoutOptions): Change[] {
  const chain = `hold${version.digit}`;
  const those = Flag.SYN | Flag.RST | Flag.ACK;
  return [
    table.chain(chain),
    table.rule(chain, ...isProtocol(UDP), ...hold),
    table.rule(chain, ...isProtocol(TCP), ...hasFlags(those, Flag.SYN), ...hold),
    table.rule(
      chain,
      ...[...isProtocol(TCP), ...hasFlags(those, Flag.ACK)],
      ...[...loadEndpoint(version, 'destination'), isIn(`ended${version.digit}`)],
      ...hold,
    ),
  ];
}

function isVersion({ digit }: Version): readonly Uint8Array[] {
  return [loadMeta(Meta.PROTOCOL), equals(ETHER_TYPES[digit])];
}
