/** Prints the tables and queues of packet filters in this network namespace, as JSON. */
import { readFileSync } from 'node:fs';
import { attributeOf, textOfAttribute } from '#netfilter/netlink/attributes.js';
import { NETFILTER_HEADER, netfilterHeader } from '#netfilter/netlink/netlink-message.js';
import { NetlinkSocket } from '#netfilter/netlink/netlink-socket.js';
import { NftMessage } from '#netfilter/netlink/nft-messages.js';
import { loadSystemCalls } from '#netfilter/netlink/system-calls.js';

export interface HeldState {
  readonly tables: readonly string[];
  /** How many packets wait in each queue. */
  readonly queues: readonly number[];
}

const socket = NetlinkSocket.open(await loadSystemCalls());
let tables: string[] = [];
socket.dump(
  'list tables',
  NftMessage.GET_TABLE,
  [netfilterHeader(0)],
  () => (tables = []),
  (body) => tables.push(textOfAttribute(attributeOf(body.subarray(NETFILTER_HEADER), 1)) ?? ''),
);
const lines = readFileSync('/proc/net/netfilter/nfnetlink_queue', 'latin1').split('\n');
const queues = lines.filter((line) => line !== '').map((line) => Number(line.trim().split(/\s+/)[2]));
console.log(JSON.stringify({ tables, queues } satisfies HeldState));
