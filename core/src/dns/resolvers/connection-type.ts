import { isIPv4, isIPv6 } from 'node:net';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { RecordType } from '../wire/dns-parameters.js';

/** The records that a unikernel can be reached by. */
export interface Reachable {
  /** Empty where the first boot finds them out. */
  readonly addresses: readonly string[];
  readonly seeksAddresses: boolean;
  /** The data of its HTTPS and SVCB records (RFC 9460, 2.2). */
  readonly plan: {
    readonly https?: readonly Uint8Array[] | undefined;
    readonly svcb?: readonly Uint8Array[] | undefined;
  };
}

/** A type of question whose answer leads to a connection. */
export interface ConnectionType {
  readonly type: 'A' | 'AAAA' | 'HTTPS' | 'SVCB';
  /** Whether a unikernel has such records, or may get some. */
  readonly mayHave: (unikernel: Reachable) => boolean;
  /** The records of these unikernels together, each once. */
  readonly recordsOf: (unikernels: readonly Reachable[], name: string, ttl: number) => readonly ResourceRecord[];
}

const TYPES = new Map<number, ConnectionType>([
  [RecordType.A, addressType('A', isIPv4)],
  [RecordType.AAAA, addressType('AAAA', isIPv6)],
  [RecordType.HTTPS, serviceType('HTTPS', ({ plan }) => plan.https ?? [])],
  [RecordType.SVCB, serviceType('SVCB', ({ plan }) => plan.svcb ?? [])],
]);

/** The connection type of a question type: `undefined` if its answer cannot lead to a connection. */
export function connectionType(type: number): ConnectionType | undefined {
  return TYPES.get(type);
}

function addressType(type: 'A' | 'AAAA', includes: (address: string) => boolean): ConnectionType {
  return {
    type,
    // A unikernel whose addresses are not known yet is summoned by A, the type that every client asks for, to find them
    // out.
    mayHave: ({ addresses, seeksAddresses }) =>
      addresses.some(includes) || (seeksAddresses && addresses.length === 0 && type === 'A'),
    recordsOf: (unikernels, name, ttl) => {
      const addresses = new Set(unikernels.flatMap(({ addresses }) => addresses.filter(includes)));
      return [...addresses].map((address) => ({ name, type, ttl, address }));
    },
  };
}

function serviceType(type: 'HTTPS' | 'SVCB', dataOf: (unikernel: Reachable) => readonly Uint8Array[]): ConnectionType {
  return {
    type,
    mayHave: (unikernel) => dataOf(unikernel).length > 0,
    recordsOf: (unikernels, name, ttl) => {
      const data = new Map(
        unikernels.flatMap(dataOf).map((bytes) => [Buffer.from(bytes).toString('latin1'), bytes] as const),
      );
      return [...data.values()].map((bytes) => ({ name, type: RecordType[type], ttl, data: bytes }));
    },
  };
}
