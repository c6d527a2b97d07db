import type { DnsSettings, Endpoint } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { DnsAnswer, DnsQuery, Resolver } from '../../contracts/resolver.js';
import { errorMessage, JitsuError } from '../../errors.js';
import { endpointText } from '../endpoint-text.js';
import { ExtendedErrorCode } from '../wire/extended-error-code.js';
import { readRcode } from '../wire/header.js';
import { Rcode } from '../wire/rcode.js';
import { isOwnEndpoint } from './own-endpoints.js';
import { SystemUpstreams } from './system-upstreams.js';
import { UpstreamExchange } from './upstream-exchange.js';
import { FixedUpstreams, type Upstreams } from './upstreams.js';

/** Rcodes by which a server says that another one may know better. */
const UNHELPFUL: readonly number[] = [Rcode.ServerFailure, Rcode.NotImplemented, Rcode.Refused];

/** What the forwarder needs besides its settings. */
export interface ForwarderDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where we listen ourselves at this moment: never asked, or a query would go in circles. */
  readonly listening: () => readonly Endpoint[];
  /** Where the system's name servers are listed: /etc/resolv.conf unless told otherwise. */
  readonly resolvConf?: string;
}

/** Passes queries on to other servers, one after the other until one answers. Must be opened, and closed again. */
export class Forwarder implements Resolver {
  private readonly upstreams: Upstreams;
  private readonly exchange: UpstreamExchange;
  private inFlight = 0;
  private known: Record<'current' | 'listening' | 'others', readonly Endpoint[]> | undefined;

  constructor(
    private readonly settings: Pick<DnsSettings, 'forwarders' | 'forwarderPort' | 'forwardTimeout' | 'limits'>,
    private readonly deps: ForwarderDependencies,
  ) {
    const { forwarders, forwarderPort, forwardTimeout } = settings;
    const { resolvConf = '/etc/resolv.conf' } = deps;
    this.upstreams =
      forwarders === 'system'
        ? new SystemUpstreams(resolvConf, forwarderPort, deps)
        : new FixedUpstreams(forwarders === 'off' ? [] : forwarders);
    this.exchange = new UpstreamExchange(deps.clock, forwardTimeout);
  }

  /** Reads and watches the system's list where that is wanted; what cannot be read is logged. */
  open(): Promise<void> {
    return this.upstreams.open();
  }

  close(): void {
    this.upstreams.close();
  }

  /** @throws JITSU_FORWARD_OVERLOADED, JITSU_FORWARD_FAILED */
  async resolve(query: DnsQuery, signal: AbortSignal): Promise<DnsAnswer | undefined> {
    if (this.settings.forwarders === 'off') return undefined;
    if (!query.recursionDesired) {
      const text = 'not served here, and recursion was not asked for';
      return { rcode: Rcode.Refused, extendedError: { code: ExtendedErrorCode.NotAuthoritative, text } };
    }
    const limit = this.settings.limits.forwardedQueries;
    if (this.inFlight >= limit) {
      throw new JitsuError('JITSU_FORWARD_OVERLOADED', `${limit} queries are being forwarded already: try again`);
    }
    this.inFlight += 1;
    try {
      return { message: await this.askInOrder(query, signal) };
    } finally {
      this.inFlight -= 1;
    }
  }

  private async askInOrder(query: DnsQuery, signal: AbortSignal): Promise<Uint8Array> {
    const failures: string[] = [];
    let unhelpful: Uint8Array | undefined;
    for (const upstream of this.others()) {
      try {
        const reply = await this.exchange.ask(upstream, query, signal);
        if (!UNHELPFUL.includes(readRcode(reply))) return reply;
        unhelpful ??= reply;
      } catch (error) {
        signal.throwIfAborted();
        failures.push(`${endpointText(upstream)}: ${errorMessage(error)}`);
      }
    }
    if (unhelpful !== undefined) return unhelpful;
    const why = failures.length > 0 ? failures.join('; ') : 'no upstream is known but ourselves. Set one: -f ADDRESS';
    throw new JitsuError('JITSU_FORWARD_FAILED', `no upstream answered: ${why}`);
  }

  private others(): readonly Endpoint[] {
    const listening = this.deps.listening();
    const { current } = this.upstreams;
    // To look at the machine's interfaces for every query would cost more than the query.
    if (this.known?.current !== current || this.known.listening !== listening) {
      const others = current.filter((upstream) => !isOwnEndpoint(upstream, listening));
      this.known = { current, listening, others };
    }
    return this.known.others;
  }
}
