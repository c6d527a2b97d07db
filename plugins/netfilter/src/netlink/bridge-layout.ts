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
import { Hook, KeyType, type Change, type NftTable, type SetDefinition } from './nft-messages.js';
import { Flag, hasFlags, isProtocol, loadEndpoint, TCP, UDP, VERSIONS, type Version } from './packet-matches.js';
import { type LayoutOptions } from './table-layout.js';

/**
 * What the table of family bridge is made of: that of what goes from one port of a bridge to another, and so comes to no
 * rule for IP unless br_netfilter hands it to them.
 */

export type BridgeLayoutOptions = CountingOptions & Pick<LayoutOptions, 'hold'>;

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
      // Those of probes never cross.
      ...countTowards(table, version, options),
      ...countFrom(table, version, options),
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
    ...ignoredLayout(table, options.ignored),
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

function setsOf(version: Version, options: BridgeLayoutOptions): SetDefinition[] {
  const { digit } = version;
  const { endpoint } = keysOf(version);
  return [
    ...countingSets(version, options),
    // With the MAC, packets that this host is to route are not held before its firewall has seen them.
    { name: `stopped${digit}`, parts: [[KeyType.MAC, MAC_ROOM], ...endpoint] },
    { name: `ended${digit}`, parts: endpoint },
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
