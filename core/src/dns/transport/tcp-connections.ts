import type { DnsSettings } from '../../config/settings.js';
import type { DnsClient } from '../../contracts/resolver.js';
import type { AccessControl } from '../admission/access-control.js';
import { clientKey } from '../../net/networks.js';
import type { DescriptorBudget } from '../../net/descriptor-budget.js';
import type { TcpConnection } from './tcp-connection.js';

/** The open connections of all listeners: bounded in total and per client. */
export class TcpConnections {
  /** In the order of their last use, with the key of their client. */
  private readonly open = new Map<TcpConnection, string>();
  private readonly ofClient = new Map<string, number>();

  /** @param budget says whether another descriptor can be afforded */
  constructor(
    private readonly limits: Pick<DnsSettings['limits'], 'tcpConnections' | 'tcpConnectionsPerClient'>,
    private readonly access: Pick<AccessControl, 'addressOf' | 'refusals'>,
    private readonly budget: Pick<DescriptorBudget, 'allows' | 'opened' | 'closed'>,
  ) {}

  /**
   * Makes room for one more connection of this client, if need be by closing an idle one: of the same client where it
   * has too many, else the least recently used one, also where the system gives no more descriptors. `false` where none is idle.
   */
  makeRoom(client: DnsClient): boolean {
    const key = this.keyOf(client);
    const { tcpConnections, tcpConnectionsPerClient } = this.limits;
    if ((this.ofClient.get(key) ?? 0) >= tcpConnectionsPerClient && !this.closeIdle(key)) {
      this.access.refusals.add('tcpConnectionsOfClient', client.address);
      return false;
    }
    const isFull = this.open.size >= tcpConnections || !this.budget.allows();
    if (isFull && !this.closeIdle()) {
      this.access.refusals.add('tcpConnections', client.address);
      return false;
    }
    return true;
  }

  add(connection: TcpConnection): void {
    const key = this.keyOf(connection.client);
    this.open.set(connection, key);
    this.budget.opened();
    this.ofClient.set(key, (this.ofClient.get(key) ?? 0) + 1);
    void connection.closed.then((why) => {
      this.remove(connection);
      if (why === 'slow') this.access.refusals.add('tcpSlow', connection.client.address);
    });
  }

  /** Marks a connection as just used, so that others are closed before it. */
  touch(connection: TcpConnection): void {
    const key = this.open.get(connection);
    if (key === undefined) return;
    this.open.delete(connection);
    this.open.set(connection, key);
  }

  /** Ends all connections, and resolves when they are closed. */
  async end(): Promise<void> {
    const connections = [...this.open.keys()];
    for (const connection of connections) connection.end();
    await Promise.all(connections.map(({ closed }) => closed));
  }

  private closeIdle(ofKey?: string): boolean {
    for (const [connection, key] of this.open) {
      if (!connection.isIdle || (ofKey !== undefined && key !== ofKey)) continue;
      this.remove(connection);
      connection.destroy();
      return true;
    }
    return false;
  }

  private remove(connection: TcpConnection): void {
    const key = this.open.get(connection);
    if (key === undefined) return;
    this.open.delete(connection);
    this.budget.closed();
    const left = (this.ofClient.get(key) ?? 0) - 1;
    if (left > 0) this.ofClient.set(key, left);
    else this.ofClient.delete(key);
  }

  private keyOf(client: DnsClient): string {
    const address = this.access.addressOf(client);
    // A socket that has been reset has no address any more.
    return address === undefined ? '' : clientKey(address);
  }
}
