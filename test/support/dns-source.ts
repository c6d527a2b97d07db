import packet, { type Packet } from 'dns-packet';
import type { DnsAnswer, DnsQuery, Resolver } from '#core/contracts/resolver.js';
import { ParsedAnswer, sectionsOf, type MessageSections } from '#core/dns/wire/message-sections.js';

/** What a source says to a question: an answer, a failure, or later. */
export type SourceBehaviour = (
  query: DnsQuery,
  signal: AbortSignal,
) => DnsAnswer | undefined | Promise<DnsAnswer | undefined>;

/** A resolver that says whatever a test wants, and remembers what it was asked. */
export class FakeSource implements Resolver {
  readonly queries: DnsQuery[] = [];
  readonly signals: AbortSignal[] = [];

  constructor(public behaviour: SourceBehaviour = () => undefined) {}

  async resolve(query: DnsQuery, signal: AbortSignal): Promise<DnsAnswer | undefined> {
    this.queries.push(query);
    this.signals.push(signal);
    return this.behaviour(query, signal);
  }
}

export interface SourceRecord {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly data: unknown;
}

/** The message of an upstream about a question, by dns-packet, which compresses nothing. */
export function sourceMessage(
  query: Pick<DnsQuery, 'message'>,
  parts: {
    readonly rcode?: number;
    readonly flags?: number;
    readonly answers?: readonly SourceRecord[];
    readonly authorities?: readonly SourceRecord[];
    readonly additionals?: readonly object[];
  } = {},
): Uint8Array {
  const { id, questions } = packet.decode(Buffer.from(query.message));
  const { rcode = 0, flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE, ...sections } = parts;
  return packet.encode({ type: 'response', id, questions, flags: flags | rcode, ...sections } as unknown as Packet);
}

/** A message as the forwarder gives it where DNSSEC has proven it. */
export function authentic(message: Uint8Array): ParsedAnswer {
  return new ParsedAnswer(message, sectionsOf(message) as MessageSections, true);
}

/** The SOA record of a zone. */
export function aSoa(name: string, ttl: number, minimum: number): SourceRecord {
  const data = { mname: `ns.${name}`, rname: `post.${name}`, serial: 7, refresh: 1, retry: 2, expire: 3, minimum };
  return { name, type: 'SOA', ttl, data };
}

/** An OPT record with an Extended DNS Error, for the additional section. */
export function anOpt(extendedError?: { readonly code: number; readonly text: string }, extendedRcode = 0): object {
  const data =
    extendedError && Buffer.from(`\0${String.fromCharCode(extendedError.code)}${extendedError.text}`, 'latin1');
  const options = data === undefined ? [] : [{ code: 15, data }];
  return { type: 'OPT', name: '.', udpPayloadSize: 1232, extendedRcode, ednsVersion: 0, flags: 0, options };
}
