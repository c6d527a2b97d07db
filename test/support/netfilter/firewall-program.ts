/** A firewall in the packet filter of this network namespace: it drops what is forwarded to port 81, and what is invalid. */
import { message, Netlink, netfilterHeader } from '#netfilter/netlink/netlink-message.js';
import { NetlinkSocket } from '#netfilter/netlink/netlink-socket.js';
import {
  equals,
  Header,
  loadConnectionState,
  loadMeta,
  loadPayload,
  mask,
  Meta,
  Verdict,
  verdict,
  differs,
} from '#netfilter/netlink/nft-expressions.js';
import { Family, Hook, NftMessage, NftTable } from '#netfilter/netlink/nft-messages.js';
import { commit } from '#netfilter/netlink/nft-transaction.js';
import { loadSystemCalls } from '#netfilter/netlink/system-calls.js';

const NFTABLES = 10;
const DELETE_TABLE = (NFTABLES << 8) | 2;
/** NF_CT_STATE_INVALID_BIT, in the order of this machine. */
const INVALID = Uint8Array.of(1, 0, 0, 0);

const socket = NetlinkSocket.open(await loadSystemCalls());
const table = new NftTable(Family.INET, 'firewall');
const drop = verdict(Verdict.DROP);
commit(socket, [
  table.create(),
  table.chain('forward', { hook: Hook.FORWARD, priority: 0 }),
  table.rule('forward', loadConnectionState(), mask(INVALID), differs(Uint8Array.of(0, 0, 0, 0)), drop),
  table.rule(
    'forward',
    ...[loadMeta(Meta.L4PROTO), equals(Uint8Array.of(6))],
    ...[loadPayload(Header.TRANSPORT, 2, 2), equals(Uint8Array.of(0, 81)), drop],
  ),
]);

process.on('message', () => {
  // What `nft flush ruleset` sends.
  const [begin, change, end] = [socket.next(), socket.next(), socket.next()];
  const datagram = Buffer.concat([
    message(NftMessage.BEGIN, Netlink.REQUEST, begin, netfilterHeader(0, NFTABLES)),
    message(DELETE_TABLE, Netlink.REQUEST | Netlink.ACK, change, netfilterHeader(0)),
    message(NftMessage.END, Netlink.REQUEST, end, netfilterHeader(0, NFTABLES)),
  ]);
  process.send?.({ flushed: socket.exchange('flush', datagram, change)?.code ?? 'all' });
});
process.on('disconnect', () => process.exit());
process.send?.({ started: true });
