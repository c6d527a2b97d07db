import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { DeadlineQueue } from './deadline-queue.js';
import { verdictOn, type Verdict } from './stop-policy-chain.js';
import type { Stopper } from './stopper.js';
import type { Unikernel } from './unikernel.js';

/** How long to wait before a stop that failed is tried again. */
const STOP_RETRY: Milliseconds = 10_000;

/** Stops a unikernel at the very moment when its policies no longer keep it. */
export class Reaper implements Disposable {
  readonly #deadlines: DeadlineQueue<Unikernel>;

  constructor(
    private readonly stopper: Stopper,
    private readonly clock: Clock,
  ) {
    this.#deadlines = new DeadlineQueue(clock, (unikernel) => this.#consider(unikernel));
  }

  /** Keeps an eye on a unikernel that runs, from now on. */
  watch(unikernel: Unikernel): void {
    this.#consider(unikernel);
  }

  /** When it will be stopped unless somebody asks for it. */
  stopAt(unikernel: Unikernel): Milliseconds | undefined {
    if (unikernel.state !== 'running') return undefined;
    const verdict = this.#verdict(unikernel);
    const at = 'stop' in verdict ? this.clock.now() : verdict.askAgainAt;
    return at === Infinity ? undefined : at;
  }

  [Symbol.dispose](): void {
    this.#deadlines[Symbol.dispose]();
  }

  #consider(unikernel: Unikernel): void {
    // Whatever is under way ends with another call of `watch` where the unikernel runs then; a machine that is down, or
    // of which nobody can tell, is not ours to stop.
    if (unikernel.summon || unikernel.stopping || unikernel.state !== 'running') return;
    const verdict = this.#finalVerdict(unikernel);
    if ('askAgainAt' in verdict) this.#deadlines.set(unikernel, verdict.askAgainAt);
    else this.#stop(unikernel, verdict.stop);
  }

  /**
   * What the policies say when they know of every query: those that were answered without anybody here may be told late,
   * but none comes after the unikernel has ceased to be ready. Where it is kept after all it is ready again.
   */
  #finalVerdict(unikernel: Unikernel): Verdict {
    const verdict = this.#verdict(unikernel);
    if ('askAgainAt' in verdict || !unikernel.ready) return verdict;
    unikernel.ready = false;
    const final = this.#verdict(unikernel);
    unikernel.ready = 'askAgainAt' in final;
    return final;
  }

  #verdict(unikernel: Unikernel): Verdict {
    return verdictOn(unikernel.plan.stopPolicies, unikernel.activity(), this.clock.now());
  }

  #stop(unikernel: Unikernel, reason: string): void {
    this.stopper.stop(unikernel, reason).catch(() => {
      // The stopper has announced the failure; all that is left to do here is not to forget the machine.
      this.#deadlines.set(unikernel, this.clock.now() + STOP_RETRY);
    });
  }
}
