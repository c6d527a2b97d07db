import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { RelayedPort } from '../config/relay.js';
import { bindEarly, isAbsent } from '../net/bind-early.js';
import { RelayedConnection, type ConnectionContext } from './relayed-connection.js';
import type { RelayedService } from './relayed-service.js';

/** The connections that the kernel accepts before this process does (listen(2)). */
const BACKLOG = 4_096;

/** One TCP port whose connections are relayed. */
export class TcpRelay {
  readonly #server: Server;

  private constructor(
    private readonly relayed: RelayedPort,
    private readonly service: RelayedService,
    private readonly context: ConnectionContext,
  ) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** Rejects with the error of the system, or `NativeSocketsUnavailable` where the address may come later. */
  static async open(relayed: RelayedPort, service: RelayedService, context: ConnectionContext): Promise<TcpRelay> {
    const relay = new TcpRelay(relayed, service, context);
    await relay.#listen();
    return relay;
  }

  /** Takes no more connections. */
  close(): void {
    this.#server.close();
  }

  async #listen(): Promise<void> {
    const { address: host, port } = this.relayed.listen;
    const server = this.#server;
    server.listen({ host, port, ipv6Only: isIPv6(host), exclusive: true, backlog: BACKLOG });
    await once(server, 'listening').catch(async (error: unknown) => {
      if (!isAbsent(error)) throw error;
      server.listen({ fd: await bindEarly(this.relayed.listen, 'TCP'), exclusive: true, backlog: BACKLOG });
      await once(server, 'listening');
    });
    // Such as EMFILE: the client is turned away, and the next one is not.
    server.on('error', () => undefined);
  }

  #accept(socket: Socket): void {
    // It has been reset already.
    if (socket.remoteAddress === undefined) return void socket.on('error', () => undefined).destroy();
    if (!this.context.budget.take()) return void socket.on('error', () => undefined).resetAndDestroy();
    this.context.taken();
    new RelayedConnection(socket, this.relayed, this.service, this.context);
  }
}
