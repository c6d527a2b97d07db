import type { WakeSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { DnsQuery, RecordsAnswer } from '../../contracts/resolver.js';
import { PROOF_WANTED } from './proof-answer.js';
import type { AccessControl } from './access-control.js';
import { BootBudget } from './boot-budget.js';
import { clientKey, networkKey } from '../../net/networks.js';
import type { RefusalKind } from './refusals.js';
import { WakeHours } from './wake-hours.js';
import { ExtendedErrorCode, Rcode, RecordType } from '../wire/dns-parameters.js';

const { Prohibited, NotReady } = ExtendedErrorCode;

/** Stands between a query and a boot: by who asks, for what, when, and how often. */
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

  /** Whether a query keeps alive what it asks for: not one whose source may be forged or may not wake. */
  mayProlong({ proven, client }: DnsQuery): boolean {
    const address = this.access.addressOf(client);
    return proven && (address === undefined || this.access.rules.mayWake(address));
  }

  /**
   * Why a query may not wait for what is down, as the answer that says so: `undefined` where it may.
   * @param boots how many unikernels it would cause to boot: 0 where all boot already, for others
   */
  refusal(query: DnsQuery, boots: number): RecordsAnswer | undefined {
    if (!query.proven) {
      this.access.refusals.add('unproven', query.client.address);
      return PROOF_WANTED;
    }
    if (boots === 0) return undefined;
    // None for a query that came by no socket, which is the operator's own.
    const address = this.access.addressOf(query.client);
    if (address !== undefined && !this.access.rules.mayWake(address)) {
      return this.refuse(query, 'wakeClient', Prohibited, 'this client may not wake unikernels');
    }
    if (!this.types.has(query.type)) {
      return this.refuse(query, 'wakeType', Prohibited, 'queries of this type do not wake unikernels');
    }
    const now = this.clock.now();
    if (!this.hours.include(now)) {
      return this.refuse(query, 'wakeHours', Prohibited, 'unikernels are not woken at this time of the day');
    }
    if (address === undefined || this.hasBudget(address, now)) return undefined;
    return this.refuse(query, 'wakeBudget', NotReady, 'this client has caused too many boots: try again later');
  }

  /** A query has caused so many boots. */
  spend({ client }: DnsQuery, boots: number): void {
    const address = this.access.addressOf(client);
    if (address === undefined || boots === 0) return;
    const now = this.clock.now();
    this.ofClient.spend(clientKey(address), boots, now);
    this.ofNetwork.spend(networkKey(address), boots, now);
  }

  private hasBudget(address: Uint8Array, now: number): boolean {
    return this.ofClient.has(clientKey(address), now) && this.ofNetwork.has(networkKey(address), now);
  }

  private refuse({ client }: DnsQuery, kind: RefusalKind, code: number, text: string): RecordsAnswer {
    this.access.refusals.add(kind, client.address);
    return { rcode: Rcode.Refused, extendedError: { code, text } };
  }
}
