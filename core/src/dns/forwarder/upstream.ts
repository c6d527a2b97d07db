import type { SecureContext } from 'node:tls';
import type { UpstreamSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { endpointText } from '../../net/endpoint.js';
import { isLoopback, isNearAddress, plainAddress } from '../../net/own-address.js';
import type { AnswerScrubber } from './answer-scrubber.js';
import type { Deadlines } from './deadlines.js';
import type { RandomSource } from './random-source.js';
import { tcpConnector, tlsConnector } from './stream-connector.js';
import { StreamPool } from './stream-pool.js';
import { UdpPool } from './udp-pool.js';
import type { UdpSockets } from './udp-socket.js';
import { UpstreamHealth } from './upstream-health.js';

/** What all upstreams share. */
export interface UpstreamContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: RandomSource;
  readonly deadlines: Deadlines;
  readonly scrubber: AnswerScrubber;
  /** The time that one exchange with an upstream may take. */
  readonly timeout: Milliseconds;
  /** Opens UDP sockets to the upstreams. */
  sockets: UdpSockets;
  /** The trusted certificate authorities; Node's own where absent. */
  trust: SecureContext | undefined;
}

/** A server that queries are forwarded to, with its source ports, connections, health and quirks. */
export class Upstream {
  /** In the form of the configuration. */
  readonly text: string;
  readonly health: UpstreamHealth;
  readonly quirks: UpstreamQuirks;
  /** Whether its AD flag can be believed, since nobody on the way can set it: over TLS, or on this machine. */
  readonly isTrusted: boolean;
  /** Whether it may be one that forwards to us, through others or not. */
  readonly isNear: boolean;
  /** Absent where the upstream must be asked over connections only. */
  readonly udp: UdpPool | undefined;
  readonly streams: StreamPool;

  constructor(
    settings: UpstreamSettings,
    readonly context: UpstreamContext,
    onHealthChange: () => void,
  ) {
    const { random, logger, sockets } = context;
    const { transport = 'udp' } = settings;
    this.text = upstreamText(settings);
    this.health = new UpstreamHealth(this.text, logger, onHealthChange);
    this.quirks = new UpstreamQuirks(this.text, context);
    const address = plainAddress(settings.address);
    this.isTrusted = transport === 'tls' || isLoopback(address);
    this.isNear = isNearAddress(address);
    this.udp = transport === 'udp' ? new UdpPool(settings, random, sockets) : undefined;
    const connector = transport === 'tls' ? tlsConnector(settings, () => context.trust) : tcpConnector(settings);
    this.streams = new StreamPool(connector, context);
  }

  /** Whether a query may come back from it in the case of letters that was made up for it. */
  get mayReturnCase(): boolean {
    return this.isNear && this.udp !== undefined;
  }

  /** Closes all its sockets at once; queries in flight fail for this reason. */
  close(reason: Error): void {
    this.udp?.close(reason);
    this.streams.close(reason);
  }
}

/** An upstream in the form of the configuration: `192.0.2.1:53`, `tls://192.0.2.1:853#dns.example.org`. */
export function upstreamText({ transport = 'udp', name, ...endpoint }: UpstreamSettings): string {
  const scheme = transport === 'udp' ? '' : `${transport}://`;
  return `${scheme}${endpointText(endpoint)}${name === undefined ? '' : `#${name}`}`;
}

/** The time after which a quirk is checked again. */
const QUIRK_LIFE: Milliseconds = 3_600_000;

/** Consecutive replies with the question in another case after which the server counts as one that changes it. */
const OTHER_CASES_TO_QUIRK = 3;

/** How often in a row a query must have been refused for its OPT record before none has one. */
const DOUBTS_TO_QUIRK = 2;

/** The shortest time between two checks whether an upstream knows EDNS. */
const EDNS_CHECK_PAUSE: Milliseconds = 10_000;

/** Departures of one upstream from the protocol, as observed in its replies. */
class UpstreamQuirks {
  private withoutEdnsUntil: Milliseconds = 0;
  /** One is enough for an upstream of which nothing is known: most that know no EDNS do so from their first query on. */
  private ednsDoubts = 1;
  private ednsCheckFrom: Milliseconds = 0;
  private doubtsEdns = false;
  private withoutCaseUntil: Milliseconds = 0;
  private otherCases = 0;

  constructor(
    private readonly upstream: string,
    private readonly context: Pick<UpstreamContext, 'clock' | 'logger'>,
  ) {}

  /** Whether queries to it carry an OPT record. */
  supportsEdns(now: Milliseconds): boolean {
    return now >= this.withoutEdnsUntil;
  }

  /** Whether a query without a reply may be one that was dropped because of its OPT record. */
  get mayDropEdns(): boolean {
    return this.ednsDoubts > 0;
  }

  /** A query with an OPT record was answered, be it without one. */
  answeredEdns(): void {
    this.ednsDoubts = 0;
    this.doubtsEdns = false;
  }

  /** Nothing was answered: another server may have its address by now. */
  fellSilent(): void {
    this.ednsDoubts = Math.max(1, this.ednsDoubts);
  }

  /**
   * It answered a query without an OPT record, and had refused the same query with one: servers older than EDNS say
   * FORMERR (RFC 6891, 7), others NOTIMP.
   */
  refusedEdns(): void {
    this.ednsDoubts += 1;
    if (this.ednsDoubts >= DOUBTS_TO_QUIRK) this.lacksEdns();
  }

  /** Whether to find out now if it knows EDNS, as its answers leave a doubt; true once per pause. */
  takeEdnsCheck(now: Milliseconds): boolean {
    if (now < this.ednsCheckFrom || !this.supportsEdns(now)) return false;
    this.ednsCheckFrom = now + EDNS_CHECK_PAUSE;
    this.doubtsEdns = true;
    return true;
  }

  /** The check has found that it answers only queries without an OPT record, which another answer may have disproved. */
  failedEdnsCheck(): void {
    if (this.doubtsEdns) this.lacksEdns();
  }

  private lacksEdns(): void {
    this.ednsDoubts = Math.max(1, this.ednsDoubts);
    this.withoutEdnsUntil = this.context.clock.now() + QUIRK_LIFE;
    this.context.logger.debug({ upstream: this.upstream }, 'this upstream knows no EDNS: asked without for an hour');
  }

  /** Whether it repeats a question in the case in which it was asked. */
  keepsCase(now: Milliseconds): boolean {
    return now >= this.withoutCaseUntil;
  }

  keptCase(): void {
    this.otherCases = 0;
  }

  changedCase(): void {
    this.otherCases += 1;
    if (this.otherCases < OTHER_CASES_TO_QUIRK) return;
    this.otherCases = 0;
    this.withoutCaseUntil = this.context.clock.now() + QUIRK_LIFE;
    this.context.logger.debug(
      { upstream: this.upstream },
      'this upstream changes the case of questions: not mixed for an hour',
    );
  }
}
