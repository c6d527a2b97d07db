import { availableParallelism } from 'node:os';
import type { DnsSettings, Endpoint } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import { errorCode } from '../../errors.js';
import type { Access } from '../admission/access.js';
import type { HotMemory } from '../packet-cache/packet-memory.js';
import type { MessageHandler } from './message-handler.js';
import { MmsgListener } from './mmsg/mmsg-listener.js';
import { TcpConnections } from './tcp-connections.js';
import { TcpListener } from './tcp-listener.js';
import { UdpListener } from './udp-listener.js';
import { chooseUdpTransport, insteadOfMmsg, type UdpTransport } from './udp-transport.js';

/** How often a free port is looked for that is free for UDP and TCP on all addresses. */
const MOST_ATTEMPTS = 32;

type ListenSettings = Pick<DnsSettings, 'bind' | 'port' | 'limits' | 'transport' | 'workers' | 'forwarders'>;

export interface ListenerDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What threads of the transport answer from. */
  readonly hot: HotMemory;
  /** Takes over what they have no answer for. */
  readonly missHandler: MessageHandler;
  readonly access: Pick<Access, 'addressOf' | 'refusals' | 'shared'>;
}

/** Everything that Jitsu listens on: UDP and TCP on one port of each address. */
export class Listeners {
  readonly endpoints: Endpoint[] = [];
  private readonly udp: (UdpListener | MmsgListener)[] = [];
  private readonly tcp: TcpListener[] = [];
  private readonly connections: TcpConnections;
  private closing: Promise<unknown> | undefined;

  private constructor(
    private readonly settings: ListenSettings,
    private readonly transport: UdpTransport,
    private readonly handler: MessageHandler,
    private readonly deps: ListenerDependencies,
  ) {
    this.connections = new TcpConnections(settings.limits, deps.access);
  }

  /** Opens all or none. @throws JITSU_LISTEN_FAILED */
  static async open(settings: ListenSettings, handler: MessageHandler, deps: ListenerDependencies): Promise<Listeners> {
    let transport = await chooseUdpTransport(settings.transport, deps.logger);
    for (let attempt = 1; ; attempt++) {
      const listeners = new Listeners(settings, transport, handler, deps);
      try {
        await listeners.openAll(settings.bind, settings.port);
        return listeners;
      } catch (error) {
        await listeners.close();
        const taken = errorCode((error as Error).cause) === 'EADDRINUSE';
        if (settings.port === 0 && taken && attempt < MOST_ATTEMPTS) continue;
        transport = insteadOfMmsg(settings.transport, error, deps.logger);
      }
    }
  }

  /** How datagrams are taken. */
  get udpTransport(): UdpTransport['kind'] {
    return this.transport.kind;
  }

  /**
   * Has the threads that answer by themselves go before whatever else wants a processor, where the system lets them, or
   * no more.
   */
  goFirst(first: boolean): void {
    const { workers } = this.settings;
    // Where there are no more processors than such threads, a flood would leave none for the rest.
    if (workers * this.endpoints.length >= availableParallelism()) return;
    for (const listener of this.udp) if (listener instanceof MmsgListener) listener.goFirst(first);
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
      const udp = await this.openUdp({ address, port });
      this.udp.push(udp);
      port = udp.port;
      const around = { ...deps, connections, idle: settings.limits.tcpIdle };
      this.tcp.push(await TcpListener.open({ address, port }, handler, around));
      this.endpoints.push({ address, port });
    }
  }

  private openUdp(endpoint: Endpoint): Promise<UdpListener | MmsgListener> {
    const { handler, settings, transport, deps } = this;
    if (transport.kind === 'dgram') return UdpListener.open(endpoint, handler, deps.logger);
    const { workers, forwarders } = settings;
    const around = { ...deps, calls: transport.calls, workers, recursionAvailable: forwarders !== 'off' };
    return MmsgListener.open(endpoint, deps.missHandler, around);
  }
}
