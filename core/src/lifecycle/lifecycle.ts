import type { Clock } from '../contracts/clock.js';
import type { WakeCause } from '../contracts/lifecycle-event.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { AnswerLease } from '../contracts/resolver.js';
import { ReadyLeases } from './ready-leases.js';
import type { Summons } from './summoner.js';
import type { Unikernel } from './unikernel.js';

/** What others may ask of the lives of unikernels. */
export class Lifecycle {
  readonly #leases: ReadyLeases;

  constructor(
    private readonly summoner: Summons,
    clock: Clock,
  ) {
    this.#leases = new ReadyLeases(clock);
  }

  /** @throws see {@link Summons} */
  summon(unikernel: Unikernel, cause: WakeCause): Promise<void> {
    return this.summoner.summon(unikernel, cause);
  }

  countQuery({ counters }: Unikernel, name: string, at: Milliseconds): void {
    counters.get(name)?.asked(at);
  }

  countAnswer({ counters }: Unikernel, name: string, at: Milliseconds): void {
    counters.get(name)?.answered(at);
  }

  lease(
    key: string,
    name: string,
    wanted: readonly Unikernel[],
    behind: readonly Unikernel[],
  ): AnswerLease | undefined {
    return this.#leases.of(key, name, wanted, behind);
  }
}
