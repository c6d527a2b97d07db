import { connectionsTo, type TrackedConnection } from './conntrack.js';
import { PROTOCOLS, type Endpoint } from './endpoint.js';
import { NetlinkError } from './netlink-error.js';
import { netfilterHeader } from './netlink-message.js';
import type { NetlinkSocket } from './netlink-socket.js';
import { NftMessage } from './nft-messages.js';

/** How long it is believed that nothing is offloaded, in milliseconds. */
const MEMORY = 1_000;

/** Codes of kernels without flowtables, or without connection tracking. */
const ABSENT = ['EOPNOTSUPP', 'ENOTSUP', 'EINVAL', 'ENOENT', 'EPROTONOSUPPORT'];

/**
 * Finds connections whose packets pass by all rules, since a flowtable sends them on. Their counters and times stand still:
 * they are in use as far as one knows.
 */
export class OffloadedUse {
  #nothingUntil = -Infinity;

  constructor(
    private readonly socket: NetlinkSocket,
    private readonly now: () => number,
  ) {}

  /** @throws NetlinkError */
  find(endpoints: readonly Endpoint[]): TrackedConnection[] {
    // Without a flowtable there is no need to go through all connections of the host, which takes some milliseconds.
    if (this.now() < this.#nothingUntil) return [];
    if (!this.#hasFlowtable()) {
      this.#nothingUntil = this.now() + MEMORY;
      return [];
    }
    return [...new Set(endpoints.map(({ address }) => address))].flatMap((address) =>
      connectionsTo(this.socket, address).filter((connection) => {
        return connection.isOffloaded && endpoints.some((endpoint) => isBehind(connection, endpoint));
      }),
    );
  }

  #hasFlowtable(): boolean {
    let isThere = false;
    try {
      this.socket.dump(
        'list flowtables',
        NftMessage.GET_FLOWTABLE,
        [netfilterHeader(0)],
        () => (isThere = false),
        () => (isThere = true),
      );
      return isThere;
    } catch (error) {
      if (error instanceof NetlinkError && ABSENT.includes(error.code)) return false;
      throw error;
    }
  }
}

/** Whether this is a connection to the service. */
function isBehind({ service, servicePort, protocol }: TrackedConnection, endpoint: Endpoint): boolean {
  return endpoint.address === service && endpoint.port === servicePort && PROTOCOLS[endpoint.protocol] === protocol;
}
