import type { DnsSettings, UpstreamSettings } from '../../config/settings.js';
import type { Endpoint } from '../../net/endpoint.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { DnsAnswer, DnsQuery, Resolver } from '../../contracts/resolver.js';
import { JitsuError, shuttingDown } from '../../errors.js';
import { ExtendedErrorCode, Rcode } from '../wire/dns-parameters.js';
import { canonicalName, isBelowOneOf } from '../wire/domain-name.js';
import { AnswerScrubber, type UpstreamAnswerCounts } from './answer-scrubber.js';
import { Deadlines } from './deadlines.js';
import { ForwardedQuery, InFlightQueries } from './forwarded-query.js';
import { LoopDetection } from './loop-detection.js';
import { udpSockets } from './mmsg-socket.js';
import { RandomSource } from './random-source.js';
import { readTrust } from './stream-connector.js';
import { SystemUpstreams } from './system-upstreams.js';
import { dgramSockets } from './udp-socket.js';
import type { Upstream, UpstreamContext } from './upstream.js';
import { UpstreamSelection } from './upstream-selection.js';

/** What the forwarder needs besides its settings. */
export interface ForwarderDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Our own endpoints at the moment, which are never asked, or a query would loop. */
  readonly listening: () => readonly Endpoint[];
  /** The file that lists the system's name servers, /etc/resolv.conf by default. */
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
  | 'rebindProtection'
  | 'transport'
>;

/** Forwards queries to other servers, one after the other until one answers. Must be opened, and closed again. */
export class Forwarder implements Resolver {
  private readonly system: SystemUpstreams | undefined;
  private readonly configured: readonly UpstreamSettings[];
  /** The domains whose queries are not forwarded. */
  private readonly excepted: ReadonlySet<string>;
  private readonly deadlines: Deadlines;
  private readonly context: UpstreamContext;
  private readonly selection: UpstreamSelection;
  private readonly inFlight = new InFlightQueries();
  private readonly loops: LoopDetection;
  /** Checks what upstreams answer. */
  readonly scrubber: AnswerScrubber;
  private closed: JitsuError | undefined;

  constructor(
    private readonly settings: ForwarderSettings,
    private readonly deps: ForwarderDependencies,
  ) {
    const { forwarders, forwarderPort, forwardTimeout: timeout } = settings;
    const { resolvConf = '/etc/resolv.conf', clock, logger } = deps;
    this.system = forwarders === 'system' ? new SystemUpstreams(resolvConf, forwarderPort, deps) : undefined;
    this.configured = typeof forwarders === 'string' ? [] : forwarders;
    this.excepted = new Set(settings.forwardExcept.map(canonicalName));
    const { system } = this;
    if (system !== undefined) this.inFlight.onFailure = () => void system.lookAgain();
    const deadlines = new Deadlines(clock);
    const random = new RandomSource();
    this.deadlines = deadlines;
    this.scrubber = new AnswerScrubber(settings);
    const tools = { clock, logger, random, deadlines, scrubber: this.scrubber };
    this.context = { ...tools, timeout, sockets: dgramSockets, trust: undefined };
    const onLoop = (upstream: Upstream): void => this.inFlight.visit((query) => query.leaveLoop(upstream));
    this.loops = new LoopDetection({ clock, logger, random, onLoop });
    this.selection = new UpstreamSelection(settings.forwardOrder, this.context);
  }

  /** What was found in the answers of upstreams. */
  get answerCounts(): UpstreamAnswerCounts {
    return { ...this.scrubber.counts };
  }

  /**
   * Reads and watches the system's list of name servers where the settings ask for it; logs a file that cannot be read.
   * @throws JITSU_CONFIG_UNREADABLE where the certificate authorities cannot be read
   */
  async open(): Promise<void> {
    const { transport, forwardCertificates } = this.settings;
    this.context.sockets = await udpSockets(transport);
    if (forwardCertificates !== undefined) this.context.trust = await readTrust(forwardCertificates);
    await this.system?.open();
  }

  /** Closes everything at once: queries in flight fail. */
  close(): void {
    this.system?.close();
    this.closed = shuttingDown();
    this.inFlight.abortAll(this.closed);
    this.selection.close(this.closed);
    this.deadlines[Symbol.dispose]();
  }

  /** @throws JITSU_FORWARD_OVERLOADED, JITSU_FORWARD_FAILED, JITSU_SHUTTING_DOWN */
  resolve(query: DnsQuery, signal: AbortSignal): Promise<DnsAnswer | undefined> {
    if (this.settings.forwarders === 'off' || isBelowOneOf(query.name, this.excepted))
      return Promise.resolve(undefined);
    if (!query.recursionDesired) {
      const text = 'not served here, and recursion was not asked for';
      return Promise.resolve({
        rcode: Rcode.Refused,
        extendedError: { code: ExtendedErrorCode.NotAuthoritative, text },
      });
    }
    const obstacle = this.closed ?? (signal.aborted ? (signal.reason as Error) : this.overload(query));
    if (obstacle !== undefined) return Promise.reject(obstacle);
    // One promise per query and no async function: everything that waits for an upstream is a callback.
    return new Promise((resolve, reject) => {
      new ForwardedQuery(query, signal, this.nextUpstreams(), this.inFlight, this.loops, resolve, reject).start();
    });
  }

  /** Tells of upstreams that are this server, and looks for those that forward names of these domains to it. */
  check(domains: readonly string[]): void {
    if (this.settings.forwarders === 'off') return;
    for (const upstream of this.nextUpstreams()) for (const domain of domains) this.loops.look(upstream, domain);
  }

  /**
   * The answer to a query that this forwarder has sent itself, and that has come back to this server; `undefined` for
   * any other. Where it may be one, it is found out whether it is.
   */
  answerToOwn(query: DnsQuery): DnsAnswer | undefined {
    const answer = this.loops.answerTo(query);
    if (answer === undefined) this.inFlight.suspect(query);
    return answer;
  }

  private nextUpstreams(): readonly Upstream[] {
    return this.selection.next(this.system?.current ?? this.configured, this.deps.listening());
  }

  /** The error where there is no place, and none to be had from those who hold more than a fair share. */
  private overload({ client }: DnsQuery): JitsuError | undefined {
    const limit = this.settings.limits.forwardedQueries;
    if (this.inFlight.size < limit) return undefined;
    const full = new JitsuError('JITSU_FORWARD_OVERLOADED', `${limit} queries are being forwarded already: try again`);
    return this.inFlight.displace(client, full) ? undefined : full;
  }
}
