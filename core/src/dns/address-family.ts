import { isIPv4, isIPv6 } from 'node:net';
import { RecordType } from './wire/record-type.js';

/** The addresses that a question asks for. */
export interface AddressFamily {
  readonly type: 'A' | 'AAAA';
  readonly includes: (address: string) => boolean;
}

const FAMILIES = new Map<number, AddressFamily>([
  [RecordType.A, { type: 'A', includes: isIPv4 }],
  [RecordType.AAAA, { type: 'AAAA', includes: isIPv6 }],
]);

/** The family that a question of this type asks for: `undefined` if its answer could lead to no connection. */
export function addressFamily(type: number): AddressFamily | undefined {
  return FAMILIES.get(type);
}
