import { differs, equals, FIRST_REGISTER, Header, loadMeta, loadPayload, mask, Meta } from './nft-expressions.js';
import { Family, KeyType } from './nft-messages.js';

/** What rules ask of a packet, and the keys that they load of it. */

export const TCP = Uint8Array.of(6);
export const UDP = Uint8Array.of(17);
export const Flag = { FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, ACK: 0x10 } as const;

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
