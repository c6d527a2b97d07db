import {
  changeSet,
  count,
  FIRST_REGISTER,
  Header,
  isIn,
  loadPayload,
  SetChange,
  Verdict,
  verdict,
} from './nft-expressions.js';
import { KeyType, SetFlag, type Change, type NftTable, type SetDefinition } from './nft-messages.js';
import {
  Flag,
  hasAnyFlag,
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

/** What a table counts of packets to services and from them, that of IP and that of bridges alike. */

export interface CountingOptions {
  /** Networks whose clients do not count, each by its first address and the one behind its last. */
  readonly ignored: readonly AddressRange[];
  /** How long traffic is remembered, in milliseconds. */
  readonly memory: number;
  /** Within which datagrams go in both directions where they count, in milliseconds. */
  readonly window: number;
  /** The most clients that are known at once, by each set. */
  readonly room: number;
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
const MOST_ACTIVE = 1_048_576;

/** The counter of packets that a full set could not record. */
export const MISSED = 'missed';

/** The parts of the keys by which services, and flows to them, are known. */
export function keysOf({ type, length }: Version): Record<'address' | 'endpoint' | 'flow', SetDefinition['parts']> {
  const address = [type, length] as const;
  const port = [KeyType.PORT, 4] as const;
  const endpoint = [address, [KeyType.PROTOCOL, 4], port] as const;
  return { address: [address], endpoint, flow: [address, port, ...endpoint] };
}

/** The sets by which packets are counted. */
export function countingSets(version: Version, { memory, window, room }: CountingOptions): SetDefinition[] {
  const { digit } = version;
  const { address, endpoint, flow } = keysOf(version);
  const dynamic = SetFlag.TIMEOUT | SetFlag.DYNAMIC;
  return [
    { name: `known${digit}`, parts: endpoint },
    { name: `active${digit}`, parts: endpoint, flags: dynamic, timeout: memory, size: MOST_ACTIVE },
    { name: `flows${digit}`, parts: flow, flags: dynamic, timeout: memory, size: room },
    { name: `asked${digit}`, parts: flow, flags: dynamic, timeout: window, size: room },
    { name: `outgoing${digit}`, parts: address },
    { name: `sent${digit}`, parts: address, flags: dynamic, timeout: memory, size: MOST_ACTIVE },
    { name: `ignored${digit}`, parts: address, flags: SetFlag.INTERVAL },
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

function ignoredOf(table: NftTable, version: Version, ignored: CountingOptions['ignored']): Change[] {
  const ranges = ignored
    .filter(({ first }) => first.length === version.length * 2)
    .map(({ first, behind }) => {
      return [Buffer.from(first, 'hex'), behind === undefined ? undefined : Buffer.from(behind, 'hex')] as const;
    });
  return ranges.length === 0 ? [] : [table.addRanges(`ignored${version.digit}`, ranges)];
}

/** What is counted of packets to a service. */
export function countTowards(table: NftTable, version: Version, options: CountingOptions): Change[] {
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
  ];
}

/** What is counted of packets from a service. */
export function countFrom(table: NftTable, version: Version, options: CountingOptions): Change[] {
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
  ];
}

/** Records a packet with payload: of its connection, and of its service. */
function recorded(table: NftTable, { digit, length }: Version, chain: string, flow: readonly Uint8Array[]): Change[] {
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
