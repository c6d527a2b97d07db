import packet, { type DecodedPacket, type Packet } from 'dns-packet';

/** What a query asks, and how. */
export interface QueryOptions {
  readonly type?: string;
  readonly class?: string;
  readonly id?: number;
  readonly flags?: number;
  readonly edns?: { readonly payloadSize?: number; readonly dnssecOk?: boolean; readonly version?: number } | undefined;
}

/** Types that dns-packet does not know by name, as it calls them. */
const UNKNOWN_TYPES: Readonly<Record<string, string>> = { SVCB: 'UNKNOWN_64', HTTPS: 'UNKNOWN_65' };

/** A query's bytes, written by dns-packet: RD is set and there is no OPT record unless told otherwise. */
export function queryBytes(name: string, options: QueryOptions = {}): Uint8Array {
  const { type = 'A', id = 4711, flags = packet.RECURSION_DESIRED, edns } = options;
  const opt = edns && {
    type: 'OPT',
    name: '.',
    udpPayloadSize: edns.payloadSize ?? 1232,
    extendedRcode: 0,
    ednsVersion: edns.version ?? 0,
    flags: edns.dnssecOk === true ? packet.DNSSEC_OK : 0,
    flag_do: edns.dnssecOk === true,
    options: [],
  };
  return packet.encode({
    type: 'query',
    id,
    flags,
    questions: [{ name, type: UNKNOWN_TYPES[type] ?? type, class: options.class ?? 'IN' }],
    additionals: opt === undefined ? [] : [opt],
  } as unknown as Packet);
}

/** A response as dns-packet, which shares no code with Jitsu, understands it. */
export type Reply = DecodedPacket & { readonly rcode: string };

export function decodeReply(bytes: Uint8Array | undefined): Reply {
  if (bytes === undefined) throw new Error('silence is no reply');
  return packet.decode(Buffer.from(bytes)) as Reply;
}

/** The Extended DNS Error in a response, if there is one. */
export function extendedErrorIn(reply: Reply): { code: number; text: string } | undefined {
  const opt = reply.additionals?.find(({ type }) => type === 'OPT') as
    { options: { code: number; data: Buffer }[] } | undefined;
  const data = opt?.options.find(({ code }) => code === 15)?.data;
  return data && { code: data.readUInt16BE(0), text: data.toString('utf8', 2) };
}
