import type { DnsQuery } from '../../contracts/resolver.js';
import { UDP_PAYLOAD_SIZE } from './opt-record.js';
import { SMALLEST_PAYLOAD_SIZE } from './query-parser.js';
import type { ReplyTerms } from './reply-terms.js';

/** The longest message that a TCP frame can hold (RFC 1035, 4.2.2), in bytes. */
const LONGEST_MESSAGE = 65_535;

/** How long the response to a query may be, in bytes: by what the asker can take, and over UDP never above 1232. */
export function responseLimit({ client, edns }: DnsQuery, { sizeLimit = LONGEST_MESSAGE }: ReplyTerms = {}): number {
  if (client.transport !== 'udp') return sizeLimit;
  return Math.min(edns?.payloadSize ?? SMALLEST_PAYLOAD_SIZE, UDP_PAYLOAD_SIZE, sizeLimit);
}
