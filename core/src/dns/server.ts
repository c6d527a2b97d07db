import type { DnsSettings } from '../config/settings.js';
import type { Endpoint } from '../net/endpoint.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { DnsClient, Resolver } from '../contracts/resolver.js';
import { shuttingDown } from '../errors.js';
import { AccessControl, ANYBODY_WAKES } from './admission/access-control.js';
import { PacketCache } from './packet-cache/packet-cache.js';
import { QueryHandler } from './query-handler.js';
import { Listeners } from './transport/listeners.js';

/**
 * The DNS server: sockets on one side, an ordered chain of resolvers on the other; the first resolver with an answer
 * answers. It neither opens nor closes its resolvers.
 */
export class DnsServer {
  private readonly packetCache: PacketCache;
  private readonly queries: QueryHandler;
  private listeners: Listeners | undefined;

  constructor(
    private readonly settings: DnsSettings,
    resolvers: readonly Resolver[],
    private readonly deps: { readonly clock: Clock; readonly logger: Logger },
    /** Judges the clients, by these settings alone unless another one is given. */
    private readonly access = new AccessControl(settings, ANYBODY_WAKES, deps),
  ) {
    this.packetCache = new PacketCache(settings.forwarders !== 'off', deps.clock);
    this.queries = new QueryHandler(settings, resolvers, { ...deps, access, packetCache: this.packetCache });
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
    const { access, deps, packetCache, queries } = this;
    const context = { ...deps, access, packets: packetCache.memory };
    this.listeners = await Listeners.open(this.settings, queries.handle, context);
  }

  /** The reply to a message, with or without a socket: see {@link QueryHandler.handle}. */
  handle(
    message: Uint8Array,
    client: DnsClient,
    signal?: AbortSignal,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    return this.queries.handle(message, client, signal);
  }

  /** Counts every use so far of answers that the packet cache has repeated. */
  settleUses(): void {
    this.packetCache.settle();
  }

  /** Drops every cached answer that has a time limit, so that its resolver is asked anew. */
  forgetReusable(): void {
    this.packetCache.endReusable();
  }

  /** Raises or restores the scheduling priority of the threads that answer from the packet cache. */
  goFirst(first: boolean): void {
    this.listeners?.goFirst(first);
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
    const timer = this.deps.clock.after(grace, () => this.queries.abort(reason));
    await this.queries.drained();
    timer[Symbol.dispose]();
    await this.listeners?.close();
    this.listeners = undefined;
  }
}
