import type { DnsQuery } from '../../contracts/resolver.js';
import { UDP_PAYLOAD_SIZE } from './opt-record.js';
import { SMALLEST_PAYLOAD_SIZE } from './query-view.js';

/** How a response depends on its client, besides the answer. */
export interface ReplyTerms {
  /** The size limit in bytes, where it is below what the client can take. */
  readonly sizeLimit?: number | undefined;
  /** The data of the COOKIE option, which only clients with EDNS get. */
  readonly cookie?: Uint8Array | undefined;
  /** Whether TC is set although nothing was left out. */
  readonly truncated?: boolean;
}

/** The longest message that a TCP frame can hold (RFC 1035, 4.2.2), in bytes. */
const LONGEST_MESSAGE = 65_535;

/** The size limit of a response, in bytes: what the client can take, and over UDP never above 1232. */
export function responseLimit({ client, edns }: DnsQuery, { sizeLimit = LONGEST_MESSAGE }: ReplyTerms = {}): number {
  if (client.transport !== 'udp') return sizeLimit;
  return Math.min(edns?.payloadSize ?? SMALLEST_PAYLOAD_SIZE, UDP_PAYLOAD_SIZE, sizeLimit);
}
