import { attribute, attributeAt, attributeOf, be32, nested } from './attributes.js';
import { NetlinkError } from './netlink-error.js';
import { NETFILTER_HEADER, netfilterHeader } from './netlink-message.js';
import type { NetlinkSocket } from './netlink-socket.js';

/** Connection tracking (linux/netfilter/nfnetlink_conntrack.h). */
const CONNTRACK = 1;
const GET = (CONNTRACK << 8) | 1;
const DELETE = (CONNTRACK << 8) | 2;
const STATISTICS = (CONNTRACK << 8) | 5;

const IPV4 = 2;
const IPV6 = 10;

const ORIGINAL = 1;
const STATUS = 3;
const STATE = [4, 1, 1] as const;
const TIMEOUT = 7;
const COUNTERS_ORIGINAL = 9;
const COUNTERS_REPLY = 10;
const ID = 12;
const ZONE = 18;
const FILTER = 25;

/** Flags of a filter: which parts of the original tuple are compared. */
const DESTINATION = 2;

/** IPS_OFFLOAD, and IPS_HW_OFFLOAD. */
const OFFLOADED = (1 << 14) | (1 << 15);

const ESTABLISHED = 3;

/** Up to how many addresses are asked for one by one. */
const MOST_ASKED = 4;

/** Codes of kernels without connection tracking. */
export const ABSENT = ['EOPNOTSUPP', 'ENOTSUP', 'EINVAL', 'ENOENT', 'EPROTONOSUPPORT'];

/** One connection that the kernel tracks. */
export interface TrackedConnection {
  /** Who has opened it, in hexadecimal digits. */
  readonly client: string;
  readonly clientPort: number;
  readonly service: string;
  readonly servicePort: number;
  /** The number of its protocol. */
  readonly protocol: number;
  /** Of TCP: whether both sides have said that it is open. */
  readonly isEstablished: boolean;
  /** Its packets do not come by any more, and its counters and times stand still: it is in use as far as one knows. */
  readonly isOffloaded: boolean;
  /** In seconds; absent where it has none. */
  readonly timeout: number | undefined;
  /** Packets to the service and from it; absent where they are not counted (nf_conntrack_acct). */
  readonly packets: { readonly original: number; readonly reply: number } | undefined;
  /** What names it when it is deleted. */
  readonly identity: readonly Uint8Array[];
}

/** The connections that others have opened to an address. @throws NetlinkError */
export function connectionsTo(socket: NetlinkSocket, address: string): TrackedConnection[] {
  const isIpv4 = address.length === 8;
  const destination = nested(ORIGINAL, nested(1, attribute(isIpv4 ? 2 : 4, Buffer.from(address, 'hex'))));
  const filter = nested(FILTER, u32(1, DESTINATION), u32(2, 0));
  // A kernel before 5.8 gives all of them.
  return list(socket, isIpv4 ? IPV4 : IPV6, [destination, filter]).filter(({ service }) => service === address);
}

/** The same for several addresses. @throws NetlinkError */
export function connectionsToAll(socket: NetlinkSocket, addresses: ReadonlySet<string>): TrackedConnection[] {
  if (addresses.size <= MOST_ASKED) return [...addresses].flatMap((address) => connectionsTo(socket, address));
  // The kernel goes through all of them for each question.
  const lengths = new Set([...addresses].map((address) => address.length / 2));
  return [...lengths]
    .flatMap((length) => connectionsOf(socket, length as 4 | 16))
    .filter(({ service }) => addresses.has(service));
}

/** All connections of one version of IP, by the length of its addresses in bytes. @throws NetlinkError */
function connectionsOf(socket: NetlinkSocket, length: 4 | 16): TrackedConnection[] {
  return list(socket, length === 4 ? IPV4 : IPV6, []);
}

function list(socket: NetlinkSocket, family: number, parts: readonly Uint8Array[]): TrackedConnection[] {
  let found: TrackedConnection[] = [];
  socket.dump(
    'list connections',
    GET,
    [netfilterHeader(family), ...parts],
    () => (found = []),
    (body) => {
      const connection = readConnection(body);
      if (connection !== undefined) found.push(connection);
    },
  );
  return found;
}

/** Deletes these connections: a killed machine's would stay for days. @returns how many there were */
export function deleteConnections(socket: NetlinkSocket, connections: readonly TrackedConnection[]): number {
  let deleted = 0;
  for (const { service, identity } of connections) {
    try {
      socket.request('delete a connection', DELETE, netfilterHeader(service.length === 8 ? IPV4 : IPV6), ...identity);
      deleted += 1;
    } catch (error) {
      // It has ended meanwhile.
      if (!(error instanceof NetlinkError && error.code === 'ENOENT')) throw error;
    }
  }
  return deleted;
}

/** How many connections are tracked in this network namespace. @throws NetlinkError */
export function trackedConnections(socket: NetlinkSocket): number {
  const answer = socket.question('count connections', STATISTICS, netfilterHeader(0));
  return attributeOf(answer.subarray(NETFILTER_HEADER), 1, 4)?.readUInt32BE(0) ?? 0;
}

/** The key by which a table knows the connection: client, its port, service, protocol, port; a byte in each character. */
export function flowKey({ client, clientPort, service, servicePort, protocol }: TrackedConnection): string {
  const port = (number: number): string => `${number.toString(16).padStart(4, '0')}0000`;
  const digits = [
    client,
    port(clientPort),
    service,
    protocol.toString(16).padStart(2, '0'),
    '000000',
    port(servicePort),
  ];
  return Buffer.from(digits.join(''), 'hex').toString('latin1');
}

/** @returns `undefined` for what is damaged */
export function readConnection(body: Buffer): TrackedConnection | undefined {
  if (body.length < NETFILTER_HEADER) return undefined;
  const attributes = body.subarray(NETFILTER_HEADER);
  const original = attributeOf(attributes, ORIGINAL);
  if (original === undefined) return undefined;
  const client = attributeAt(original, [1, 1], 4) ?? attributeAt(original, [1, 3], 16);
  const service = attributeAt(original, [1, 2], 4) ?? attributeAt(original, [1, 4], 16);
  const protocol = attributeAt(original, [2, 1], 1)?.[0];
  if (client === undefined || service === undefined || protocol === undefined) return undefined;
  const status = attributeOf(attributes, STATUS, 4)?.readUInt32BE(0) ?? 0;
  return {
    client: client.toString('hex'),
    clientPort: attributeAt(original, [2, 2], 2)?.readUInt16BE(0) ?? 0,
    service: service.toString('hex'),
    servicePort: attributeAt(original, [2, 3], 2)?.readUInt16BE(0) ?? 0,
    protocol,
    isEstablished: attributeAt(attributes, STATE, 1)?.[0] === ESTABLISHED,
    isOffloaded: (status & OFFLOADED) !== 0,
    timeout: attributeOf(attributes, TIMEOUT, 4)?.readUInt32BE(0),
    packets: packetsOf(attributes),
    identity: identityOf(attributes, original),
  };
}

function packetsOf(attributes: Buffer): TrackedConnection['packets'] {
  const original = attributeAt(attributes, [COUNTERS_ORIGINAL, 1], 8);
  const reply = attributeAt(attributes, [COUNTERS_REPLY, 1], 8);
  if (original === undefined || reply === undefined) return undefined;
  return { original: Number(original.readBigUInt64BE(0)), reply: Number(reply.readBigUInt64BE(0)) };
}

/** Copies, as the answer is overwritten by the next one. */
function identityOf(attributes: Buffer, original: Buffer): Uint8Array[] {
  const id = attributeOf(attributes, ID, 4);
  const zone = attributeOf(attributes, ZONE, 2);
  return [
    nested(ORIGINAL, original),
    ...(id === undefined ? [] : [attribute(ID, id)]),
    ...(zone === undefined ? [] : [attribute(ZONE, zone)]),
  ];
}

/** In the order of this machine, as flags of filters are. */
function u32(type: number, value: number): Buffer {
  return attribute(type, Buffer.from(be32(value)).swap32());
}
