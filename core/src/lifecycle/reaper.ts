import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { DeadlineQueue } from './deadline-queue.js';
import { verdictOn } from './stop-policy-chain.js';
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
    const verdict = verdictOn(unikernel.plan.stopPolicies, unikernel.activity(), this.clock.now());
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
    const verdict = verdictOn(unikernel.plan.stopPolicies, unikernel.activity(), this.clock.now());
    if ('askAgainAt' in verdict) this.#deadlines.set(unikernel, verdict.askAgainAt);
    else this.#stop(unikernel, verdict.stop);
  }

  #stop(unikernel: Unikernel, reason: string): void {
    this.stopper.stop(unikernel, reason).catch(() => {
      // The stopper has announced the failure; all that is left to do here is not to forget the machine.
      this.#deadlines.set(unikernel, this.clock.now() + STOP_RETRY);
    });
  }
}
