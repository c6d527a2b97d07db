import type { Clock } from '../contracts/clock.js';
import type { AnswerLease } from '../contracts/resolver.js';
import type { NameCounter } from './name-counter.js';
import type { Unikernel } from './unikernel.js';

/** The promise that some unikernels answer, all of them: it ends when the first is no longer ready. */
export class ReadyLease implements AnswerLease {
  #holds = true;
  readonly #listeners: (() => void)[] = [];
  readonly #watches: readonly Disposable[];

  /** @param unikernels all of them ready @param counters where uses are counted */
  constructor(
    unikernels: readonly Unikernel[],
    private readonly counters: readonly NameCounter[],
    private readonly clock: Clock,
  ) {
    this.#watches = unikernels.map((unikernel) => unikernel.onUnready(() => this.#end()));
  }

  get holds(): boolean {
    return this.#holds;
  }

  onEnd(listener: () => void): void {
    if (this.#holds) this.#listeners.push(listener);
  }

  used(times: number): void {
    const now = this.clock.now();
    for (const counter of this.counters) counter.asked(now, times);
  }

  #end(): void {
    this.#holds = false;
    for (const watch of this.#watches) watch[Symbol.dispose]();
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
