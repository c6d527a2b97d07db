import { once } from 'node:events';
import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Endpoint } from '../../net/endpoint.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsClient } from '../../contracts/resolver.js';
import { bindEarly, isAbsent } from '../../net/bind-early.js';
import { listenError } from './listen-error.js';
import type { MessageHandler } from './udp-transport.js';
import { TcpConnection } from './tcp-connection.js';
import type { TcpConnections } from './tcp-connections.js';

/** What the TCP listeners of all addresses share. */
export interface TcpContext {
  readonly connections: TcpConnections;
  readonly idle: Milliseconds;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One listening TCP socket. */
export class TcpListener {
  private constructor(private readonly server: Server) {}

  /** @throws JITSU_LISTEN_FAILED */
  static async open(endpoint: Endpoint, handler: MessageHandler, context: TcpContext): Promise<TcpListener> {
    const server = createServer({ allowHalfOpen: true }, (socket) => accept(socket, handler, context));
    try {
      server.listen({
        host: endpoint.address,
        port: endpoint.port,
        ipv6Only: isIPv6(endpoint.address),
        exclusive: true,
      });
      await once(server, 'listening').catch(async (error: unknown) => {
        if (!isAbsent(error)) throw error;
        server.listen({ fd: await bindEarly(endpoint, 'TCP'), exclusive: true });
        await once(server, 'listening');
      });
    } catch (error) {
      throw listenError('TCP', endpoint, error);
    }
    server.on('error', (error) => context.logger.warn({ err: error }, 'a TCP socket reports an error'));
    return new TcpListener(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Accepts no new connections; resolves when the open ones are closed, too. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

function accept(socket: Socket, handler: MessageHandler, { connections, idle, clock }: TcpContext): void {
  const client: DnsClient = {
    address: socket.remoteAddress ?? '',
    port: socket.remotePort ?? 0,
    transport: 'tcp',
  };
  if (!connections.makeRoom(client)) {
    socket.destroy();
    return;
  }
  const touching: MessageHandler = (message, client, signal) => {
    connections.touch(connection);
    return handler(message, client, signal);
  };
  const connection = new TcpConnection(socket, client, touching, clock, idle);
  connections.add(connection);
}
