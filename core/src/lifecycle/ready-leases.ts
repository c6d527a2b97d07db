import type { AnswerLease } from '../contracts/resolver.js';
import type { Unikernel } from './unikernel.js';

/**
 * The lease that all of some unikernels are ready, or have their first packets held: it ends when that is no longer so of
 * the first of them.
 */
class ReadyLease implements AnswerLease {
  #holds = true;
  readonly #listeners: (() => void)[] = [];
  readonly #end = (): void => {
    this.#holds = false;
    for (const unikernel of this.unikernels) unikernel.unrely(this.#end);
    for (const listener of this.#listeners.splice(0)) listener();
  };

  constructor(
    private readonly unikernels: readonly Unikernel[],
    readonly used: (times: number) => void,
    onEnd: () => void,
  ) {
    this.#listeners.push(onEnd);
    for (const unikernel of unikernels) unikernel.rely(this.#end);
  }

  get holds(): boolean {
    return this.#holds;
  }

  onEnd(listener: () => void): void {
    if (this.#holds) this.#listeners.push(listener);
  }
}

/** Makes the leases of answers: at most one at a time per kind of answer, however many callers there are. */
export class ReadyLeases {
  readonly #leases = new Map<string, ReadyLease>();

  /**
   * @param count called with further uses of a unikernel's name
   * @param isHeld whether first packets to a unikernel are held
   */
  constructor(
    private readonly count: (unikernel: Unikernel, name: string, times: number) => void,
    private readonly isHeld: (unikernel: Unikernel) => boolean = () => false,
  ) {}

  /**
   * The lease of the answer with this key, which names all `wanted` unikernels; `undefined` unless all of them are
   * ready, or held and woken by connections alone, since a query has to wake the others.
   *
   * @param name the configured DNS name whose uses are counted
   * @param behind all unikernels of the name: one that may yet get such an address has to be ready, too
   */
  of(key: string, name: string, wanted: readonly Unikernel[], behind: readonly Unikernel[]): AnswerLease | undefined {
    const known = this.#leases.get(key);
    if (known?.holds === true) return known;
    const concerned = behind.filter((unikernel) => unikernel.seeksAddresses || wanted.includes(unikernel));
    const isGiven = (each: Unikernel): boolean =>
      each.ready || (each.plan.wakesOn === 'connection' && this.isHeld(each));
    if (!concerned.every(isGiven)) return undefined;
    const used = (times: number): void => {
      for (const unikernel of wanted) this.count(unikernel, name, times);
    };
    const lease = new ReadyLease(concerned, used, () => {
      if (this.#leases.get(key) === lease) this.#leases.delete(key);
    });
    this.#leases.set(key, lease);
    return lease;
  }
}
