import type { DnsSettings, Endpoint } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import { errorCode } from '../../errors.js';
import type { Access } from '../clients/access.js';
import type { MessageHandler } from './message-handler.js';
import { TcpConnections } from './tcp-connections.js';
import { TcpListener } from './tcp-listener.js';
import { UdpListener } from './udp-listener.js';

/** How often a free port is looked for that is free for UDP and TCP on all addresses. */
const MOST_ATTEMPTS = 32;

export interface ListenerDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly access: Pick<Access, 'addressOf' | 'refusals'>;
}

/** Everything that Jitsu listens on: UDP and TCP on one port of each address. */
export class Listeners {
  readonly endpoints: Endpoint[] = [];
  private readonly udp: UdpListener[] = [];
  private readonly tcp: TcpListener[] = [];
  private readonly connections: TcpConnections;
  private closing: Promise<unknown> | undefined;

  private constructor(
    private readonly settings: Pick<DnsSettings, 'limits'>,
    private readonly handler: MessageHandler,
    private readonly deps: ListenerDependencies,
  ) {
    this.connections = new TcpConnections(settings.limits, deps.access);
  }

  /** Opens all or none. @throws JITSU_LISTEN_FAILED */
  static async open(
    settings: Pick<DnsSettings, 'bind' | 'port' | 'limits'>,
    handler: MessageHandler,
    deps: ListenerDependencies,
  ): Promise<Listeners> {
    for (let attempt = 1; ; attempt++) {
      const listeners = new Listeners(settings, handler, deps);
      try {
        await listeners.openAll(settings.bind, settings.port);
        return listeners;
      } catch (error) {
        await listeners.close();
        const taken = errorCode((error as Error).cause) === 'EADDRINUSE';
        if (settings.port !== 0 || !taken || attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  /** Takes no new connections; what is open stays so, and datagrams are still taken. */
  stopAccepting(): void {
    this.closing ??= Promise.all(this.tcp.map((listener) => listener.close()));
  }

  /** Closes everything when the replies given so far have left. */
  async close(): Promise<void> {
    this.stopAccepting();
    await Promise.all([...this.udp.map((listener) => listener.close()), this.connections.end(), this.closing]);
  }

  private async openAll(bind: readonly string[], chosenPort: number): Promise<void> {
    const { connections, handler, settings, deps } = this;
    let port = chosenPort;
    for (const address of new Set(bind)) {
      const udp = await UdpListener.open({ address, port }, handler, deps.logger);
      this.udp.push(udp);
      port = udp.port;
      const around = { ...deps, connections, idle: settings.limits.tcpIdle };
      this.tcp.push(await TcpListener.open({ address, port }, handler, around));
      this.endpoints.push({ address, port });
    }
  }
}
