import { message, Netlink, netfilterHeader } from './netlink-message.js';
import { NetlinkError } from './netlink-error.js';
import type { NetlinkSocket } from './netlink-socket.js';
import { NftMessage, type Change } from './nft-messages.js';

const NFTABLES = 10;

/** Carries out all of these changes, or none. @throws NetlinkError, by the first that the kernel refuses */
export function commit(socket: NetlinkSocket, changes: readonly Change[]): void {
  if (changes.length === 0) return;
  const begin = socket.next();
  const numbers = changes.map(() => socket.next());
  const last = numbers.at(-1) as number;
  const datagram = Buffer.concat([
    message(NftMessage.BEGIN, Netlink.REQUEST, begin, netfilterHeader(0, NFTABLES)),
    ...changes.map(({ type, flags, body }, index) => {
      const number = numbers[index] as number;
      // One answer says that all have been carried out.
      const wanted = number === last ? Netlink.ACK : 0;
      return message(type, flags | Netlink.REQUEST | wanted, number, body);
    }),
    message(NftMessage.END, Netlink.REQUEST, socket.next(), netfilterHeader(0, NFTABLES)),
  ]);
  const failure = socket.exchange('change the table', datagram, last);
  if (failure === undefined) return;
  const { doing = 'change the table' } = changes[numbers.indexOf(failure.sequence)] ?? {};
  throw new NetlinkError(doing, failure.code, failure.reason);
}
