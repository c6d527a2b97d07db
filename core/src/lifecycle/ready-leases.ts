import type { AnswerLease } from '../contracts/resolver.js';
import type { UnikernelRecord } from './unikernel.js';

/** The promise that some unikernels answer, all of them: it ends when the first is no longer ready. */
class ReadyLease implements AnswerLease {
  #holds = true;
  readonly #listeners: (() => void)[] = [];
  readonly #end = (): void => {
    this.#holds = false;
    for (const { relying } of this.unikernels) relying?.delete(this.#end);
    for (const listener of this.#listeners.splice(0)) listener();
  };

  constructor(
    private readonly unikernels: readonly UnikernelRecord[],
    readonly used: (times: number) => void,
  ) {
    for (const unikernel of unikernels) (unikernel.relying ??= new Set()).add(this.#end);
  }

  get holds(): boolean {
    return this.#holds;
  }

  onEnd(listener: () => void): void {
    if (this.#holds) this.#listeners.push(listener);
  }
}

/** Gives the leases of answers: one for each kind of answer at a time, however often it is asked for. */
export class ReadyLeases {
  readonly #leases = new Map<string, ReadyLease>();

  /** @param count is told that a name of a unikernel was asked for so many times more */
  constructor(private readonly count: (unikernel: UnikernelRecord, name: string, times: number) => void) {}

  /**
   * The lease of the answer by this key, in which all `wanted` unikernels are named; `undefined` unless all of them are
   * ready, since a query has to wake the others.
   *
   * @param name the configured DNS name that is counted for
   * @param behind all who stand behind the name: one that may yet turn out to have such an address has to be ready, too
   */
  of(
    key: string,
    name: string,
    wanted: readonly UnikernelRecord[],
    behind: readonly UnikernelRecord[],
  ): AnswerLease | undefined {
    const known = this.#leases.get(key);
    if (known?.holds === true) return known;
    const concerned = behind.filter((unikernel) => unikernel.seeksAddresses || wanted.includes(unikernel));
    if (!concerned.every(({ ready }) => ready)) return undefined;
    const lease = new ReadyLease(concerned, (times) => {
      for (const unikernel of wanted) this.count(unikernel, name, times);
    });
    this.#leases.set(key, lease);
    return lease;
  }
}
