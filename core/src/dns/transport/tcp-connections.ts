import type { TcpConnection } from './tcp-connection.js';

/** The open connections over all listeners: at most `limit`. */
export class TcpConnections {
  /** In the order of their last use. */
  private readonly open = new Set<TcpConnection>();

  constructor(private readonly limit: number) {}

  /** Makes room for one more, if need be by closing an idle one; `false` where all are waited on. */
  makeRoom(): boolean {
    if (this.open.size < this.limit) return true;
    for (const connection of this.open) {
      if (!connection.isIdle) continue;
      this.open.delete(connection);
      connection.destroy();
      return true;
    }
    return false;
  }

  add(connection: TcpConnection): void {
    this.open.add(connection);
    void connection.closed.then(() => this.open.delete(connection));
  }

  /** Marks one as used just now: others are closed before it. */
  touch(connection: TcpConnection): void {
    if (this.open.delete(connection)) this.open.add(connection);
  }

  /** Ends all, and resolves when they are closed. */
  async end(): Promise<void> {
    const connections = [...this.open];
    for (const connection of connections) connection.end();
    await Promise.all(connections.map(({ closed }) => closed));
  }
}
