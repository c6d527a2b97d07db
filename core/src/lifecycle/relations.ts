import type { WakeCause } from '../contracts/lifecycle-event.js';
import { Groups } from './groups.js';
import type { LifeEvent, Phase } from './life.js';
import type { LifeReports } from './life-reports.js';
import { mayUseOthers, Needs } from './needs.js';
import type { Unikernel } from './unikernel.js';

/** The phases of a unikernel whose service answers, also while its policies are asked a last time. */
const MAY_ANSWER: ReadonlySet<Phase> = new Set<Phase>(['ready', 'withdrawn']);

/** Which unikernels concern each other: those that need others, and groups. What happens to one is told to the others. */
export class Relations {
  readonly needs = new Needs();
  readonly groups = new Groups();

  constructor(private readonly life: Pick<LifeReports, 'on' | 'wake' | 'consider'>) {}

  /** @param find the unikernel with a name */
  add(unikernels: Iterable<Unikernel>, find: (name: string) => Unikernel): void {
    for (const unikernel of unikernels) {
      const { needs, group } = unikernel.plan;
      if (group !== undefined) this.groups.add(unikernel, group);
      if (needs !== undefined) this.needs.add(unikernel, needs.map(find));
    }
  }

  /** To be called before its plan changes, and when it is released: it concerns nobody any more. */
  remove(unikernel: Unikernel): void {
    for (const other of [...this.needs.remove(unikernel), ...this.groups.remove(unikernel)]) this.life.consider(other);
  }

  /** Wakes what goes together with one that is summoned; whoever has summoned that does not wait for it. */
  summoned(unikernel: Unikernel, { kind }: WakeCause): void {
    if (kind === 'group') return;
    for (const other of this.groups.othersOf(unikernel)) this.life.wake(other, { kind: 'group', of: unikernel.name });
  }

  /** Tells those that it concerns what has become of it. */
  changed(unikernel: Unikernel, event: LifeEvent): void {
    if (!this.needs.isEmpty) this.#tellRelated(unikernel, event);
    if (!this.groups.isEmpty) this.#tellGroup(unikernel);
  }

  /** What has become of it concerns those that need it, and those that it needs. */
  #tellRelated(unikernel: Unikernel, event: LifeEvent): void {
    const { phase, state } = unikernel;
    // What is not known, or not yet, is no reason to take back answers of those that are known to answer.
    if (!MAY_ANSWER.has(phase) && state !== 'unknown' && event !== 'changed') {
      for (const dependent of this.needs.dependentsOf(unikernel)) {
        // One that still boots looks at what it needs once it answers.
        if (MAY_ANSWER.has(dependent.phase)) this.life.on(dependent, 'unmet');
      }
    }
    if (unikernel.needy && !mayUseOthers(unikernel)) {
      for (const need of this.needs.of(unikernel)) this.life.consider(need);
    }
  }

  /** One that stops, or runs no more, keeps nobody of its group. */
  #tellGroup(unikernel: Unikernel): void {
    if (unikernel.stops === undefined && mayUseOthers(unikernel)) return;
    for (const other of this.groups.othersOf(unikernel)) this.life.consider(other);
  }
}
