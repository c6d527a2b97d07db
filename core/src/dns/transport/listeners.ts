import { isIPv4 } from 'node:net';
import { availableParallelism } from 'node:os';
import type { DnsSettings } from '../../config/settings.js';
import type { Endpoint } from '../../net/endpoint.js';
import type { Logger } from '../../contracts/logger.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { errorCode, JitsuError } from '../../errors.js';
import { loadBatchCalls, NativeSocketsUnavailable } from '../../net/socket-calls.js';
import type { AccessControl } from '../admission/access-control.js';
import { hasAddress } from '../../net/bind-early.js';
import { DGRAM } from './dgram-transport.js';
import { mmsg } from './mmsg/mmsg-transport.js';
import { DescriptorBudget } from '../../net/descriptor-budget.js';
import { TcpConnections } from './tcp-connections.js';
import { TcpListener } from './tcp-listener.js';
import type { MessageHandler, UdpContext, UdpTransport, UdpTransportKind } from './udp-transport.js';

/**
 * How long boots go on, or are over, until the priorities of threads follow. A change takes as much time as a start of a
 * small program, which is over by then.
 */
const PRIORITY_DELAY: Milliseconds = 5;

/** Attempts to find a port that is free for UDP and TCP on all addresses. */
const MOST_ATTEMPTS = 32;

type ListenSettings = Pick<DnsSettings, 'bind' | 'port' | 'limits' | 'transport' | 'workers' | 'forwarders'>;

export type ListenerContext = Pick<UdpContext, 'clock' | 'logger' | 'packets' | 'renice'> & {
  readonly access: Pick<AccessControl, 'addressOf' | 'refusals' | 'shared'>;
};

/** All sockets that Jitsu listens on: UDP and TCP on one port of each address. */
export class Listeners {
  readonly endpoints: Endpoint[] = [];
  private readonly udp: UdpTransport[] = [];
  private readonly tcp: TcpListener[] = [];
  private readonly connections: TcpConnections;
  private readonly budget: DescriptorBudget;
  private closing: Promise<unknown> | undefined;
  private raised = false;
  private wanted = false;
  private raising: Disposable | undefined;

  private constructor(
    private readonly settings: ListenSettings,
    private readonly kind: UdpTransportKind,
    private readonly handler: MessageHandler,
    private readonly context: ListenerContext,
  ) {
    this.budget = new DescriptorBudget(context.clock);
    this.connections = new TcpConnections(settings.limits, context.access, this.budget);
  }

  /** Opens all or none. @throws JITSU_LISTEN_FAILED */
  static async open(settings: ListenSettings, handler: MessageHandler, context: ListenerContext): Promise<Listeners> {
    let kind = await chooseUdpTransport(settings.transport, context.logger);
    for (let attempt = 1; ; attempt++) {
      const listeners = new Listeners(settings, kind, handler, context);
      try {
        await listeners.openAll(settings.bind, settings.port);
        listeners.warnOfFewDescriptors();
        return listeners;
      } catch (error) {
        await listeners.close();
        const taken = errorCode((error as Error).cause) === 'EADDRINUSE';
        if (settings.port === 0 && taken && attempt < MOST_ATTEMPTS) continue;
        kind = insteadOfMmsg(settings.transport, error, context.logger);
      }
    }
  }

  /** The UDP transport in use. */
  get udpTransport(): UdpTransportKind['name'] {
    return this.kind.name;
  }

  /**
   * Raises or restores the scheduling priority of the threads that answer from the packet cache, where the system
   * permits it, unless the contrary is wanted within {@link PRIORITY_DELAY}.
   */
  prioritize(raised: boolean): void {
    const { workers } = this.settings;
    // With no more processors than such threads, a flood would leave no processor for the rest.
    if (workers * this.endpoints.length >= availableParallelism()) return;
    this.wanted = raised;
    this.raising ??= this.context.clock.after(PRIORITY_DELAY, () => this.raise());
  }

  private raise(): void {
    this.raising = undefined;
    if (this.raised === this.wanted) return;
    this.raised = this.wanted;
    for (const transport of this.udp) transport.prioritize(this.raised);
  }

  /** Accepts no new connections; open ones stay, and datagrams are still received. */
  stopAccepting(): void {
    this.closing ??= Promise.all(this.tcp.map((listener) => listener.close()));
  }

  /** Closes all sockets when the replies given so far have been sent. */
  async close(): Promise<void> {
    this.stopAccepting();
    this.raising?.[Symbol.dispose]();
    await Promise.all([...this.udp.map((listener) => listener.close()), this.connections.end(), this.closing]);
  }

  private warnOfFewDescriptors(): void {
    const { tcpConnections } = this.settings.limits;
    const { room } = this.budget;
    if (room >= tcpConnections) return;
    const advice =
      'Raise the limit of open files (LimitNOFILE of a unit, ulimit -n), or lower dns.limits.tcpConnections.';
    this.context.logger.warn(
      { room, tcpConnections },
      `only some ${room} TCP connections can be open at once instead of ${tcpConnections}: this process may open no more files. ${advice}`,
    );
  }

  private async openAll(bind: readonly string[], chosenPort: number): Promise<void> {
    const { connections, handler, kind, settings, context } = this;
    const { limits, workers, forwarders } = settings;
    const udpContext: UdpContext = { ...context, workers, recursionAvailable: forwarders !== 'off' };
    const tcpContext = { ...context, connections, idle: limits.tcpIdle };
    let port = chosenPort;
    for (const address of new Set(bind)) {
      const udp = await kind.open({ address, port }, handler, udpContext);
      this.udp.push(udp);
      port = udp.port;
      this.tcp.push(await TcpListener.open({ address, port }, handler, tcpContext));
      this.endpoints.push({ address, port });
      if (hasAddress(address)) continue;
      const { logger } = context;
      logger.warn({ address }, `this machine has no address ${address} yet: what comes to it is answered once it has`);
    }
    if (bind.includes('::') && !bind.some(isIPv4)) {
      context.logger.warn({}, `'::' stands for all IPv6 addresses alone: add '0.0.0.0' to answer over IPv4, too`);
    }
  }
}

/** The transport that the settings ask for, as far as this machine supports it. @throws JITSU_LISTEN_FAILED */
export async function chooseUdpTransport(
  setting: DnsSettings['transport'],
  logger: Logger,
  load = loadBatchCalls,
): Promise<UdpTransportKind> {
  if (setting === 'dgram') return DGRAM;
  try {
    return mmsg(await load());
  } catch (error) {
    return insteadOfMmsg(setting, error, logger);
  }
}

/**
 * The transport where mmsg is not available: with `auto` dgram, and an entry in the log. @throws JITSU_LISTEN_FAILED
 */
export function insteadOfMmsg(setting: DnsSettings['transport'], error: unknown, logger: Logger): UdpTransportKind {
  if (!(error instanceof NativeSocketsUnavailable)) throw error;
  if (setting === 'auto') {
    logger.info({ reason: error.message }, 'datagrams are taken one by one (dgram): mmsg cannot be had here');
    return DGRAM;
  }
  const message = `cannot take datagrams by mmsg: ${error.message}. Leave dns.transport at 'auto', or set it to 'dgram'.`;
  throw new JitsuError('JITSU_LISTEN_FAILED', message, { cause: error });
}
