import type { WakeSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsQuery, RecordsAnswer } from '../../contracts/resolver.js';
import { PROOF_WANTED } from './proof-answer.js';
import type { AccessControl } from './access-control.js';
import { clientKey, networkKey } from '../../net/networks.js';
import type { RefusalKind } from './refusals.js';
import { ExtendedErrorCode, Rcode, RecordType } from '../wire/dns-parameters.js';

const { Prohibited, NotReady } = ExtendedErrorCode;

/** Decides which queries may boot unikernels: by client, type, time of day and budget. */
export class WakeGuard {
  private readonly types: ReadonlySet<number>;
  private readonly hours: WakeHours;
  private readonly ofClient: BootBudget;
  private readonly ofNetwork: BootBudget;

  constructor(
    settings: Pick<WakeSettings, 'types' | 'hours' | 'budget'>,
    private readonly access: Pick<AccessControl, 'addressOf' | 'rules' | 'refusals'>,
    private readonly clock: Clock,
  ) {
    const { perClient, perPrefix, interval } = settings.budget;
    this.types = new Set(settings.types.map((type) => RecordType[type]));
    this.hours = new WakeHours(settings.hours);
    this.ofClient = new BootBudget(perClient, interval);
    this.ofNetwork = new BootBudget(perPrefix, interval);
  }

  /** Whether a query counts as a use of what it asks for: not from a source that is unproven or may not wake. */
  mayProlong({ proven, client }: DnsQuery): boolean {
    const address = this.access.addressOf(client);
    return proven && (address === undefined || this.access.rules.mayWake(address));
  }

  /**
   * The answer to a query that must not wait for unikernels that are down, with the reason; `undefined` where it may.
   * @param boots the number of unikernels that the query would boot: 0 where other queries boot them already
   */
  refusal(query: DnsQuery, boots: number): RecordsAnswer | undefined {
    if (!query.proven) {
      this.access.refusals.add('unproven', query.client.address);
      return PROOF_WANTED;
    }
    if (boots === 0) return undefined;
    // `undefined` for a query that came without a socket, which is the operator's own.
    const address = this.access.addressOf(query.client);
    if (address !== undefined && !this.access.rules.mayWake(address)) {
      return this.refuse(query, 'wakeClient', Prohibited, 'this client may not wake unikernels');
    }
    if (!this.types.has(query.type)) {
      return this.refuse(query, 'wakeType', Prohibited, 'queries of this type do not wake unikernels');
    }
    const now = this.clock.now();
    if (!this.isOpen()) {
      return this.refuse(query, 'wakeHours', Prohibited, 'unikernels are not woken at this time of the day');
    }
    if (address === undefined || this.hasBudget(address, now)) return undefined;
    return this.refuse(query, 'wakeBudget', NotReady, 'this client has caused too many boots: try again later');
  }

  /** Charges the boots that a query has caused to its client. */
  spend({ client }: DnsQuery, boots: number): void {
    const address = this.access.addressOf(client);
    if (address === undefined || boots === 0) return;
    this.charge(address, boots, this.clock.now());
  }

  /** Charges boots to the client with this address, and to its network. */
  charge(address: Uint8Array, boots: number, now: Milliseconds): void {
    this.ofClient.spend(clientKey(address), boots, now);
    this.ofNetwork.spend(networkKey(address), boots, now);
  }

  /** Whether unikernels are woken at this time of the day. */
  isOpen(): boolean {
    return this.hours.include(this.clock.wallTime());
  }

  /** Whether this client, and its network, may cause at least one boot. */
  hasBudget(address: Uint8Array, now: Milliseconds): boolean {
    return this.ofClient.has(clientKey(address), now) && this.ofNetwork.has(networkKey(address), now);
  }

  private refuse({ client }: DnsQuery, kind: RefusalKind, code: number, text: string): RecordsAnswer {
    this.access.refusals.add(kind, client.address);
    return { rcode: Rcode.Refused, extendedError: { code, text } };
  }
}

/** The number of clients that are kept. Each of them has caused a boot, so that to evict one takes a boot. */
const MOST_REMEMBERED = 10_000;

/** Bounds the boots that each client may cause: `limit` at once, refilled over the interval. */
export class BootBudget {
  /** The time at which each client has its whole budget again, in the order of their last boots. */
  private readonly fullAt = new Map<string, Milliseconds>();

  /** @param limit 0 for no limit */
  constructor(
    private readonly limit: number,
    private readonly interval: Milliseconds,
  ) {}

  /** Whether the client may cause at least one boot. */
  has(client: string, now: Milliseconds): boolean {
    if (this.limit === 0) return true;
    const used = (this.fullAt.get(client) ?? now) - now;
    return used <= this.interval - this.interval / this.limit + 0.5;
  }

  spend(client: string, boots: number, now: Milliseconds): void {
    if (this.limit === 0 || boots === 0) return;
    const fullAt = Math.max(this.fullAt.get(client) ?? now, now) + (boots * this.interval) / this.limit;
    this.fullAt.delete(client);
    if (this.fullAt.size >= MOST_REMEMBERED) this.fullAt.delete(this.fullAt.keys().next().value as string);
    this.fullAt.set(client, fullAt);
  }
}

interface Span {
  /** In minutes of the day; the end is exclusive. */
  readonly from: number;
  readonly to: number;
}

/** Spans of the day, in the machine's local time. */
class WakeHours {
  private readonly spans: readonly Span[];

  /** Spans such as `07:00-22:30`; `22:00-06:00` passes midnight, and one that ends when it begins is the whole day. */
  constructor(spans: readonly string[]) {
    this.spans = spans.map((span) => {
      const [from = 0, to = 0] = span.split('-').map(minuteOf);
      return { from, to };
    });
  }

  /** Whether a time lies in one of the spans; always where there are none. */
  include(moment: Milliseconds): boolean {
    if (this.spans.length === 0) return true;
    const date = new Date(moment);
    const minute = date.getHours() * 60 + date.getMinutes();
    return this.spans.some(({ from, to }) =>
      from < to ? from <= minute && minute < to : from <= minute || minute < to,
    );
  }
}

function minuteOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours * 60 + minutes;
}
