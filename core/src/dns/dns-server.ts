import type { DnsSettings, Endpoint } from '../config/settings.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { DnsClient, Resolver } from '../contracts/resolver.js';
import { shuttingDown } from '../errors.js';
import { Access, ANYBODY_WAKES } from './admission/access.js';
import { HotAnswers } from './packet-cache/packet-cache.js';
import { Responder } from './responder.js';
import { Listeners } from './transport/listeners.js';
import type { MessageHandler } from './transport/message-handler.js';

/**
 * The DNS server: sockets on one side, an ordered chain of resolvers on the other, the first of which with an answer
 * answers. It neither opens nor closes its resolvers.
 */
export class DnsServer {
  private readonly hot: HotAnswers;
  private readonly responder: Responder;
  private listeners: Listeners | undefined;

  constructor(
    private readonly settings: DnsSettings,
    resolvers: readonly Resolver[],
    private readonly deps: { readonly clock: Clock; readonly logger: Logger },
    /** Judges the askers; by these settings alone unless told otherwise. */
    private readonly access = new Access(settings, ANYBODY_WAKES, deps),
  ) {
    this.hot = new HotAnswers(settings.forwarders !== 'off', deps.clock);
    this.responder = new Responder(settings, resolvers, deps.logger, access, this.hot);
  }

  /** What it listens on, an endpoint for each bind address with the port in use. Empty before `listen`. */
  get listening(): readonly Endpoint[] {
    return this.listeners?.endpoints ?? [];
  }

  /** How datagrams are taken; `undefined` before `listen`. */
  get udpTransport(): 'dgram' | 'mmsg' | undefined {
    return this.listeners?.udpTransport;
  }

  /** Opens UDP and TCP on one port of every bind address, or nothing at all. @throws JITSU_LISTEN_FAILED */
  async listen(): Promise<void> {
    const handler: MessageHandler = (message, client, signal) => this.handle(message, client, signal);
    // Threads have looked for a hot answer by themselves.
    const missHandler: MessageHandler = (message, client) => this.responder.respond(message, client);
    const { access, deps } = this;
    const around = { ...deps, access, hot: this.hot.memory, missHandler };
    this.listeners = await Listeners.open(this.settings, handler, around);
  }

  /**
   * The one way from a message's bytes to its reply's bytes, with or without a socket: at once where nobody has to be
   * waited for. Never throws or rejects; `undefined` means silence. The message must not change any more, as the search
   * for an answer may outlast the asker. `signal` aborts when the asker is gone.
   */
  handle(
    message: Uint8Array,
    client: DnsClient,
    signal?: AbortSignal,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const asker = this.access.askerOf(client);
    const hot = this.hot.answer(message, asker);
    this.access.refusals.addByRate(asker.verdict, client.address);
    if (hot === undefined) return this.responder.respond(message, client, signal);
    return hot === 'silence' ? undefined : hot;
  }

  /** Has every use so far of an answer that was given again counted. */
  settleUses(): void {
    this.hot.settle();
  }

  /** Drops every answer that may be given again until a certain time, so that its resolver is asked anew. */
  forgetReusable(): void {
    this.hot.endReusable();
  }

  /** Has what answers by itself go before whatever else wants a processor, as long as that is wanted. */
  goFirst(first: boolean): void {
    this.listeners?.goFirst(first);
  }

  /**
   * Answers every new query with SERVFAIL, waits for the answers in flight, gives up those that are still missing after
   * `grace`, and closes the sockets.
   */
  async close(grace: Milliseconds): Promise<void> {
    const reason = shuttingDown();
    this.responder.refuse(reason);
    this.hot.close();
    this.listeners?.stopAccepting();
    const timer = this.deps.clock.after(grace, () => this.responder.abort(reason));
    await this.responder.drained();
    timer[Symbol.dispose]();
    await this.listeners?.close();
    this.listeners = undefined;
  }
}
