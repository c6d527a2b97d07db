import type { DnsSettings, Endpoint } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { DnsAnswer, DnsQuery, Resolver } from '../../contracts/resolver.js';
import { JitsuError, shuttingDown } from '../../errors.js';
import { ExtendedErrorCode, Rcode } from '../wire/dns-parameters.js';
import { AbortFollowers } from './abort-followers.js';
import { Deadlines } from './deadlines.js';
import { DomainSet } from './domain-set.js';
import { Forwarding } from './forwarding.js';
import { isOwnEndpoint } from './own-endpoints.js';
import { dgramPorts, portSockets, type PortSockets } from './port-sockets.js';
import { RandomSource } from './random-source.js';
import { SystemUpstreams } from './system-upstreams.js';
import { TlsTrust } from './tls-trust.js';
import type { Upstream } from './upstream.js';
import { UpstreamOrder } from './upstream-order.js';
import { UpstreamRoster } from './upstream-roster.js';
import { FixedUpstreams, type Upstreams } from './upstreams.js';

/** What the forwarder needs besides its settings. */
export interface ForwarderDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where we listen ourselves at this moment: never asked, or a query would go in circles. */
  readonly listening: () => readonly Endpoint[];
  /** Where the system's name servers are listed: /etc/resolv.conf unless told otherwise. */
  readonly resolvConf?: string;
}

type ForwarderSettings = Pick<
  DnsSettings,
  | 'forwarders'
  | 'forwarderPort'
  | 'forwardTimeout'
  | 'forwardOrder'
  | 'forwardExcept'
  | 'forwardCertificates'
  | 'limits'
  | 'transport'
>;

/** Passes queries on to other servers, one after the other until one answers. Must be opened, and closed again. */
export class Forwarder implements Resolver {
  private readonly upstreams: Upstreams;
  private readonly roster: UpstreamRoster;
  private readonly order: UpstreamOrder;
  private readonly excepted: DomainSet;
  private readonly trust: TlsTrust;
  private readonly deadlines: Deadlines;
  private readonly forwardings = new AbortFollowers();
  private known: Record<'current' | 'listening', readonly Endpoint[]> | undefined;
  private closed: JitsuError | undefined;
  private portSockets: PortSockets = dgramPorts;

  constructor(
    private readonly settings: ForwarderSettings,
    private readonly deps: ForwarderDependencies,
  ) {
    const { forwarders, forwarderPort, forwardTimeout, forwardOrder } = settings;
    const random = new RandomSource();
    const { resolvConf = '/etc/resolv.conf', clock, logger } = deps;
    this.upstreams =
      forwarders === 'system'
        ? new SystemUpstreams(resolvConf, forwarderPort, deps)
        : new FixedUpstreams(forwarders === 'off' ? [] : forwarders);
    this.deadlines = new Deadlines(clock);
    this.excepted = new DomainSet(settings.forwardExcept);
    this.trust = new TlsTrust(settings.forwardCertificates);
    this.order = new UpstreamOrder(forwardOrder, random);
    this.roster = new UpstreamRoster({
      ...{ clock, logger, random, deadlines: this.deadlines, timeout: forwardTimeout },
      portSockets: () => this.portSockets,
      trust: () => this.trust.context,
      onHealthChange: () => this.order.refresh(),
    });
  }

  /**
   * Reads and watches the system's list where that is wanted; what cannot be read is logged.
   * @throws JITSU_CONFIG_UNREADABLE where the authorities for certificates cannot be read
   */
  async open(): Promise<void> {
    this.portSockets = await portSockets(this.settings.transport);
    await this.trust.open();
    await this.upstreams.open();
  }

  /** Ends everything at once: queries that are under way fail. */
  close(): void {
    this.upstreams.close();
    this.closed = shuttingDown();
    this.forwardings.abort(this.closed);
    this.roster.close(this.closed);
    this.deadlines[Symbol.dispose]();
  }

  /** @throws JITSU_FORWARD_OVERLOADED, JITSU_FORWARD_FAILED, JITSU_SHUTTING_DOWN */
  resolve(query: DnsQuery, signal: AbortSignal): Promise<DnsAnswer | undefined> {
    if (this.settings.forwarders === 'off' || this.excepted.includes(query.name)) return Promise.resolve(undefined);
    if (!query.recursionDesired) {
      const text = 'not served here, and recursion was not asked for';
      return Promise.resolve({
        rcode: Rcode.Refused,
        extendedError: { code: ExtendedErrorCode.NotAuthoritative, text },
      });
    }
    const obstacle = this.closed ?? (signal.aborted ? (signal.reason as Error) : this.overload());
    if (obstacle !== undefined) return Promise.reject(obstacle);
    // One promise a query, and no async function: what waits for an upstream is called back, all the way up.
    return new Promise((resolve, reject) => {
      const forwarding = new Forwarding(query, this.candidates(), { resolve, reject }, (ended) => {
        this.forwardings.delete(signal, ended);
      });
      this.forwardings.add(signal, forwarding);
      forwarding.start();
    });
  }

  private overload(): JitsuError | undefined {
    const limit = this.settings.limits.forwardedQueries;
    if (this.forwardings.size < limit) return undefined;
    return new JitsuError('JITSU_FORWARD_OVERLOADED', `${limit} queries are being forwarded already: try again`);
  }

  private candidates(): readonly Upstream[] {
    const listening = this.deps.listening();
    const { current } = this.upstreams;
    // To look at the machine's interfaces for every query would cost more than the query.
    if (this.known?.current !== current || this.known.listening !== listening) {
      this.known = { current, listening };
      this.order.set(this.roster.of(current.filter((upstream) => !isOwnEndpoint(upstream, listening))));
    }
    this.order.probe(this.deps.clock);
    return this.order.next();
  }
}
