import { readFileSync } from 'node:fs';
import { connectionsTo, trackedConnections, type TrackedConnection } from './conntrack.js';
import { PROTOCOLS, type Endpoint } from './endpoint.js';
import { NetlinkError } from './netlink-error.js';
import type { NetlinkSocket } from './netlink-socket.js';

/** How long the kernel remembers an open connection of TCP without packets, in seconds. */
const PATIENCE = '/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established';

/** How long it is believed that there is nothing to ask, in milliseconds: a new connection is seen by the rules anyway. */
const MEMORY = 1_000;

/** The share of the kernel's table from which on it may have no room for a connection. */
const NEARLY_FULL = 0.95;

/** Codes of kernels without connection tracking. */
const ABSENT = ['EOPNOTSUPP', 'ENOTSUP', 'EINVAL', 'ENOENT', 'EPROTONOSUPPORT'];

/**
 * Finds connections that are in use and that rules do not see: those that pass by all rules (flowtables), and those that
 * were there before the rules.
 */
export class TrackedUse {
  #nothingUntil = -Infinity;

  constructor(
    private readonly socket: NetlinkSocket,
    private readonly now: () => number,
  ) {}

  /**
   * @param idle how old a connection's last packet may be, in milliseconds
   * @param countsOlder whether connections count that were there before the rules
   * @throws NetlinkError
   */
  find(endpoints: readonly Endpoint[], idle: number, countsOlder: boolean): TrackedConnection[] {
    if (this.now() < this.#nothingUntil) return [];
    try {
      const { entries, most = Infinity } = trackedConnections(this.socket);
      if (entries === 0) {
        this.#nothingUntil = this.now() + MEMORY;
        return [];
      }
      if (countsOlder && entries >= most * NEARLY_FULL) {
        throw new NetlinkError('know the connections', 'ENOSPC', `connection tracking is full: ${entries} of ${most}`);
      }
      const patience = countsOlder ? establishedTimeout() : undefined;
      return [...new Set(endpoints.map(({ address }) => address))].flatMap((address) =>
        connectionsTo(this.socket, address).filter((connection) => {
          if (!endpoints.some((endpoint) => isBehind(connection, endpoint))) return false;
          return connection.isOffloaded || (countsOlder && isOpen(connection, idle, patience));
        }),
      );
    } catch (error) {
      if (!(error instanceof NetlinkError && ABSENT.includes(error.code))) throw error;
      this.#nothingUntil = this.now() + MEMORY;
      return [];
    }
  }
}

function isBehind({ service, servicePort, protocol }: TrackedConnection, endpoint: Endpoint): boolean {
  return endpoint.address === service && endpoint.port === servicePort && PROTOCOLS[endpoint.protocol] === protocol;
}

/** What is not known of it, is taken for use. */
function isOpen({ isEstablished, timeout, packets }: TrackedConnection, idle: number, patience?: number): boolean {
  if (!isEstablished || packets?.reply === 0) return false;
  if (timeout === undefined || patience === undefined) return true;
  return (patience - timeout) * 1_000 <= idle;
}

function establishedTimeout(): number | undefined {
  try {
    const seconds = Number(readFileSync(PATIENCE, 'utf8'));
    return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
  } catch {
    return undefined;
  }
}
