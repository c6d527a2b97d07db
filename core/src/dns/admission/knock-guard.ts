import type { WakeSettings } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Knock, KnockVerdict } from '../../contracts/doorman.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import { addressBytes } from '../../net/address-bytes.js';
import type { AccessControl } from './access-control.js';
import type { RefusalKind } from './refusals.js';
import { BootBudget, type WakeGuard } from './wake-guard.js';

const MINUTE: Milliseconds = 60_000;

/** The one who is charged for all knocks whose source is not proven: what they claim to come from says nothing. */
const ANYBODY = '';

/**
 * Decides which knocks may boot unikernels, by the same rules as queries: by client, time of day and budget. The source of
 * a first packet is not proven, as no answer has come back for it, unless its doorman has taken its connection. So a
 * knock from outside `wake.trusted` boots nothing
 * but what `wake.knocks` allows to all such knocks together, and leaves the budget of the network that it claims alone.
 * Nothing is kept of a knock that causes no boot.
 */
export class KnockGuard {
  private readonly ofUnproven: BootBudget | undefined;

  /** @param wakeGuard that of queries, with which it shares hours and budgets */
  constructor(
    { knocks }: Pick<WakeSettings, 'knocks'>,
    private readonly access: Pick<AccessControl, 'rules' | 'refusals'>,
    private readonly wakeGuard: Pick<WakeGuard, 'isOpen' | 'hasBudget' | 'charge'>,
    private readonly clock: Clock,
  ) {
    if (knocks.unproven > 0) this.ofUnproven = new BootBudget(knocks.unproven, MINUTE);
  }

  /**
   * `hold` where it may wake, or where what it asks for boots already; `refuse` where trying again would not help, and
   * `drop` where a retransmission may.
   * @param boots the number of boots that it would cause: 0 where others cause them already
   */
  verdict({ from, proven }: Pick<Knock, 'from' | 'proven'>, boots: number): KnockVerdict {
    const address = addressBytes(from);
    if (address === undefined) return 'drop';
    const { rules } = this.access;
    if (!rules.mayWake(address)) return this.turnAway('refuse', 'knockClient', from);
    if (boots === 0) return 'hold';
    if (!this.wakeGuard.isOpen()) return this.turnAway('refuse', 'knockHours', from);
    const now = this.clock.now();
    if (proven === true || rules.needsNoProof(address)) {
      return this.wakeGuard.hasBudget(address, now) ? 'hold' : this.turnAway('refuse', 'knockBudget', from);
    }
    if (this.ofUnproven?.has(ANYBODY, now) === true) return 'hold';
    return this.turnAway(this.ofUnproven === undefined ? 'refuse' : 'drop', 'knockUnproven', from);
  }

  /** Charges the boots that a knock has caused. */
  spend({ from, proven }: Pick<Knock, 'from' | 'proven'>, boots: number): void {
    const address = addressBytes(from);
    if (address === undefined) return;
    const now = this.clock.now();
    if (proven === true || this.access.rules.needsNoProof(address)) this.wakeGuard.charge(address, boots, now);
    else this.ofUnproven?.spend(ANYBODY, boots, now);
  }

  private turnAway(verdict: KnockVerdict, kind: RefusalKind, from: string): KnockVerdict {
    this.access.refusals.add(kind, from);
    return verdict;
  }
}
