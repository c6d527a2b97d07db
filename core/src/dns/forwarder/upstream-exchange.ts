import type { Endpoint } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsQuery } from '../../contracts/resolver.js';
import { readRcode } from '../wire/header.js';
import { layoutOf } from '../wire/message-layout.js';
import { Rcode } from '../wire/rcode.js';
import { exchangeByTcp } from './tcp-exchange.js';
import { exchangeByUdp } from './udp-exchange.js';
import { upstreamQuery } from './upstream-query.js';
import { isTruncated } from './upstream-reply.js';

type Exchange = typeof exchangeByUdp;

/** Asks one upstream: by UDP, and by TCP for what was cut; each step within the same time. */
export class UpstreamExchange {
  constructor(
    private readonly clock: Clock,
    private readonly timeout: Milliseconds,
  ) {}

  /** The upstream's whole and well-formed reply. Rejects, saying why, where there is none. */
  async ask(upstream: Endpoint, query: DnsQuery, signal: AbortSignal): Promise<Uint8Array> {
    const edns = query.edns !== undefined;
    const reply = await this.askOnce(upstream, upstreamQuery(query, edns), signal);
    // A server from before EDNS does not understand the OPT record (RFC 6891, 7).
    const withoutEdns = edns && readRcode(reply) === Rcode.FormatError && layoutOf(reply)?.opt === undefined;
    const final = withoutEdns ? await this.askOnce(upstream, upstreamQuery(query, false), signal) : reply;
    if (layoutOf(final) === undefined) throw new Error('its answer is malformed');
    return final;
  }

  private async askOnce(upstream: Endpoint, message: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const reply = await this.inTime(exchangeByUdp, upstream, message, signal);
    return isTruncated(reply) ? this.inTime(exchangeByTcp, upstream, message, signal) : reply;
  }

  private async inTime(
    exchange: Exchange,
    upstream: Endpoint,
    message: Uint8Array,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const controller = new AbortController();
    const abort = (): void => controller.abort(signal.reason);
    signal.addEventListener('abort', abort);
    using _timer = this.clock.after(this.timeout, () => {
      controller.abort(new Error(`no answer within ${this.timeout / 1_000} s`));
    });
    try {
      return await exchange(upstream, message, controller.signal);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}
