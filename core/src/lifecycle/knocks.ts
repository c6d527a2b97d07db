import type { Clock } from '../contracts/clock.js';
import type { Knock, KnockVerdict } from '../contracts/doorman.js';
import type { LifeReports } from './life-reports.js';
import { backingOff } from './summon-failures.js';
import type { Summon } from './summon.js';
import type { Unikernel } from './unikernel.js';

/** Who may wake by knocks. */
export interface KnockRules {
  /**
   * What becomes of this knock: `hold` where it may wake the unikernel.
   * @param boots the number of boots that it would cause: 0 where others cause it already
   */
  verdict(knock: Knock, boots: number): KnockVerdict;
  /** It has caused so many boots. */
  spend(knock: Knock, boots: number): void;
}

/** The failures of summons after which whoever connects again wakes it anew: nothing is wrong with it. */
const FOR_LATER: ReadonlySet<string> = new Set([
  'JITSU_BOOT_QUEUE_FULL',
  'JITSU_SHUTTING_DOWN',
  'JITSU_STOPPED_BY_COMMAND',
]);

/** Has knocks wake unikernels, as queries do. */
export class Knocks {
  /** @param rules everybody may wake where absent */
  constructor(
    private readonly life: Pick<LifeReports, 'wake'>,
    private readonly clock: Clock,
    private readonly rules?: KnockRules,
  ) {}

  /** Decides on a knock for a unikernel that is armed, and summons it where its packet is held for that. */
  verdict(unikernel: Unikernel, knock: Knock): KnockVerdict {
    const { rules } = this;
    // What is held now is delivered at once.
    if (unikernel.ready) return 'hold';
    if (unikernel.summon !== undefined) return rules?.verdict(knock, 0) ?? 'hold';
    if (backingOff(unikernel, this.clock.now()) !== undefined) return 'refuse';
    const verdict = rules?.verdict(knock, 1) ?? 'hold';
    // Whether it is stopped is decided within moments, and its next packet is then served or refused.
    if (verdict !== 'hold') return unikernel.phase === 'withdrawn' ? 'drop' : verdict;
    const { protocol, port, from } = knock;
    // Its failure ends what is held.
    this.life.wake(unikernel, { kind: 'knock', protocol, port, from });
    if (unikernel.isSummoned) rules?.spend(knock, 1);
    return 'hold';
  }
}

/**
 * What becomes of the packets that are held for a unikernel whose summon has failed with this code: they are dropped where
 * their clients may try again, since its boot was not tried, or was stopped by command.
 */
export function outcomeOf(code: string, { began }: Summon): 'drop' | 'refuse' {
  return FOR_LATER.has(code) || (code === 'JITSU_SUMMON_DEADLINE' && !began) ? 'drop' : 'refuse';
}
