import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { RateVerdict } from './response-rate.js';

/** The kinds of refusals, with their text in the log. docs/abuse.md lists the same kinds. */
const KINDS = {
  client: 'queries refused to clients outside dns.allow',
  forwarding: 'queries for other names refused to clients outside dns.allowForwarding',
  port: 'queries left unanswered because their source port is that of a service that answers anything, such as echo',
  malformed: 'queries that are malformed left unanswered because too many errors were sent',
  rateDropped: 'queries left unanswered by dns.rateLimit',
  rateCut: 'queries answered with no more than "ask by TCP" by dns.rateLimit',
  shortened: 'responses shortened because their source may be forged',
  unproven: 'queries not let wake because their source may be forged (wake.proof)',
  wakeClient: 'queries not let wake by wake.allow and wake.deny',
  wakeType: 'queries not let wake by wake.types',
  wakeHours: 'queries not let wake by wake.hours',
  wakeBudget: 'queries not let wake by wake.budget',
  knockClient: 'connections not let wake by wake.allow and wake.deny',
  knockHours: 'connections not let wake by wake.hours',
  knockBudget: 'connections not let wake by wake.budget',
  knockUnproven: 'connections not let wake because their source may be forged (wake.knocks)',
  pending: 'queries refused because too many wait (dns.limits.pendingQueries)',
  pendingOfNetwork: 'queries refused because too many of one network wait (dns.limits.pendingQueries)',
  forwarded: 'queries refused because too many wait for an upstream (dns.limits.forwardedQueries)',
  tcpConnections: 'TCP connections closed at once because too many wait (dns.limits.tcpConnections)',
  tcpConnectionsOfClient: 'TCP connections closed at once by dns.limits.tcpConnectionsPerClient',
  tcpSlow: 'TCP connections closed because their client reads or writes too slowly (dns.limits.tcpIdle)',
} as const;

export type RefusalKind = keyof typeof KINDS;

/** The number of refusals of each kind. */
export type RefusalCounts = Readonly<Record<RefusalKind, number>>;

/** The shortest time between two log entries of one kind, so that refused clients cannot fill a disk. */
const QUIET: Milliseconds = 10_000;

/** Counts refusals, and logs them at bounded intervals. */
export class Refusals {
  private readonly total = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, 0])) as Record<
    RefusalKind,
    number
  >;
  private readonly told = new Map<RefusalKind, { readonly at: Milliseconds; readonly count: number }>();

  constructor(private readonly deps: { readonly clock: Clock; readonly logger: Logger }) {}

  get counts(): RefusalCounts {
    return { ...this.total };
  }

  /** Counts refusals, one of them of this client. */
  add(kind: RefusalKind, client: string, times = 1): void {
    const count = (this.total[kind] += times);
    const now = this.deps.clock.now();
    const told = this.told.get(kind);
    if (told !== undefined && now - told.at < QUIET) return;
    this.told.set(kind, { at: now, count });
    this.deps.logger.warn({ refused: count - (told?.count ?? 0), client }, KINDS[kind]);
  }

  /** Counts the rate limit's verdict on a response to this client, unless the response is sent whole. */
  addByRate(verdict: RateVerdict, client: string): void {
    if (verdict !== 'send') this.add(verdict === 'drop' ? 'rateDropped' : 'rateCut', client);
  }
}
