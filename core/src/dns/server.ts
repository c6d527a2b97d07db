import type { DnsSettings } from '../config/settings.js';
import type { Endpoint } from '../net/endpoint.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Resolver } from '../contracts/resolver.js';
import { shuttingDown } from '../errors.js';
import { PacketCache } from './packet-cache/packet-cache.js';
import { QueryHandler, type QueryHandlerContext } from './query-handler.js';
import { Listeners, type ListenerContext } from './transport/listeners.js';
import type { MessageHandler } from './transport/udp-transport.js';

/**
 * The DNS server: sockets on one side, an ordered chain of resolvers on the other; the first resolver with an answer
 * answers. It neither opens nor closes its resolvers.
 */
export class DnsServer {
  readonly packetCache: PacketCache;
  /** The reply to a message, with or without a socket: see {@link QueryHandler.handle}. */
  readonly handle: MessageHandler;
  private readonly queries: QueryHandler;
  private listeners: Listeners | undefined;

  constructor(
    private readonly settings: DnsSettings,
    resolvers: readonly Resolver[],
    private readonly context: Omit<QueryHandlerContext, 'packetCache'> & Pick<ListenerContext, 'renice'>,
  ) {
    this.packetCache = new PacketCache(settings.forwarders !== 'off', context.clock);
    this.queries = new QueryHandler(settings, resolvers, { ...context, packetCache: this.packetCache });
    this.handle = this.queries.handle;
  }

  /** Its endpoints, one per bind address, with the port in use. Empty before `listen`. */
  get listening(): readonly Endpoint[] {
    return this.listeners?.endpoints ?? [];
  }

  /** The UDP transport in use; `undefined` before `listen`. */
  get udpTransport(): 'dgram' | 'mmsg' | undefined {
    return this.listeners?.udpTransport;
  }

  /** Opens UDP and TCP on one port of every bind address, or nothing at all. @throws JITSU_LISTEN_FAILED */
  async listen(): Promise<void> {
    const context = { ...this.context, packets: this.packetCache.memory };
    this.listeners = await Listeners.open(this.settings, this.handle, context);
  }

  /** Raises or restores the scheduling priority of the threads that answer from the packet cache. */
  prioritize(raised: boolean): void {
    this.listeners?.prioritize(raised);
  }

  /**
   * Answers every new query with SERVFAIL, waits for pending answers, gives up those that are still missing after
   * `grace`, and closes the sockets.
   */
  async close(grace: Milliseconds): Promise<void> {
    const reason = shuttingDown();
    this.queries.refuse(reason);
    this.packetCache.close();
    this.listeners?.stopAccepting();
    const timer = this.context.clock.after(grace, () => this.queries.abort(reason));
    await this.queries.drained();
    timer[Symbol.dispose]();
    await this.listeners?.close();
    this.listeners = undefined;
  }
}
