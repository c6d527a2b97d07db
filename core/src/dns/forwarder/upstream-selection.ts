import type { DnsSettings, UpstreamSettings } from '../../config/settings.js';
import type { Endpoint } from '../../net/endpoint.js';
import { isLoopback, isOwnAddress, plainAddress, UNSPECIFIED } from '../../net/own-address.js';
import { Upstream, upstreamText, type UpstreamContext } from './upstream.js';
import { UpstreamExchange, type ExchangeListener } from './upstream-exchange.js';
import { ROOT_QUERY } from './upstream-message.js';

/** The result of a probe is not needed here: the exchange itself updates the upstream's health. */
const IGNORE: ExchangeListener = { onAnswer: () => {}, onFailure: () => {} };

/** Chooses the upstreams for a query, and their order. Those that are down are asked only when all are. */
export class UpstreamSelection {
  /** By their texts, in configured order, so that the known state of an upstream outlives a change of the list. */
  private upstreams = new Map<string, Upstream>();
  private usable: readonly Upstream[] = [];
  private first = 0;
  private configured: readonly UpstreamSettings[] | undefined;
  private listening: readonly Endpoint[] | undefined;
  /** Those that were found to be this server. */
  private readonly ours = new Set<string>();

  constructor(
    private readonly order: DnsSettings['forwardOrder'],
    private readonly context: UpstreamContext,
  ) {}

  /**
   * The upstreams for the next query, in the order in which they are asked.
   * @param listening our own endpoints, which are never asked
   */
  next(configured: readonly UpstreamSettings[], listening: readonly Endpoint[]): readonly Upstream[] {
    if (configured !== this.configured || listening !== this.listening) this.configure(configured, listening);
    if (this.usable.length < this.upstreams.size) this.probe();
    const { usable, order } = this;
    if (usable.length < 2 || order === 'sequential') return usable;
    this.first = order === 'random' ? this.context.random.below(usable.length) : (this.first + 1) % usable.length;
    return [...usable.slice(this.first), ...usable.slice(0, this.first)];
  }

  close(reason: Error): void {
    for (const upstream of this.upstreams.values()) upstream.close(reason);
    this.upstreams.clear();
  }

  /** Works only when something changed: reading this machine's addresses for every query costs more than the query. */
  private configure(configured: readonly UpstreamSettings[], listening: readonly Endpoint[]): void {
    this.configured = configured;
    this.listening = listening;
    const before = this.upstreams;
    this.upstreams = new Map();
    for (const settings of configured) {
      const text = upstreamText(settings);
      if (this.upstreams.has(text)) continue;
      if (isOwnEndpoint(settings, listening)) {
        this.tellOurs(text);
        continue;
      }
      const known = before.get(text) ?? new Upstream(settings, this.context, () => this.refresh());
      this.upstreams.set(text, known);
      before.delete(text);
    }
    this.refresh();
    for (const upstream of before.values()) upstream.close(new Error('it is no longer one of the upstreams'));
  }

  private tellOurs(upstream: string): void {
    if (this.ours.has(upstream)) return;
    this.ours.add(upstream);
    const what = `the upstream ${upstream} is Jitsu itself, and is not asked`;
    this.context.logger.warn({ upstream }, `${what}. Name the servers that are to be asked (-f ADDRESS).`);
  }

  /** Called when an upstream was added or removed, or went down or came up. */
  private refresh(): void {
    const all = [...this.upstreams.values()];
    const up = all.filter(({ health }) => !health.down);
    this.usable = up.length > 0 ? up : all;
  }

  /** Probes the upstreams that are down, at growing intervals. */
  private probe(): void {
    const now = this.context.clock.now();
    for (const upstream of this.upstreams.values()) {
      if (upstream.health.takeProbe(now)) new UpstreamExchange(ROOT_QUERY, upstream, IGNORE).start();
    }
  }
}

/** Whether a query to this upstream would come back to this server, which listens there. */
export function isOwnEndpoint(upstream: Endpoint, listening: readonly Endpoint[]): boolean {
  const target = plainAddress(upstream.address);
  return listening.some(({ address, port }) => {
    if (port !== upstream.port) return false;
    const own = plainAddress(address);
    if (own === target) return true;
    const everywhere = UNSPECIFIED.includes(own) && own.includes(':') === target.includes(':');
    // The unspecified address as a target means this machine.
    return UNSPECIFIED.includes(target) ? isLoopback(own) || everywhere : everywhere && isOwnAddress(target);
  });
}
