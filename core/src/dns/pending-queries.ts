import { setMaxListeners } from 'node:events';
import { Chain, Link } from './chain.js';

/** Why no more queries are taken in: too many wait, or too many of one network do. */
export type Crowd = 'all' | 'network';

/** What part of all places those of one network may take, so that others find one, too. */
const SHARE = 1 / 4;

/** Who waits: how to end that, and who else may do so. */
export interface Waiter {
  /** The key of the asker's network; none for who may take every place. */
  readonly network?: string | undefined;
  /** Aborts when the asker is gone. */
  readonly gone?: AbortSignal | undefined;
}

/** The queries that wait for their answer: at most `limit`, each with the means to give it up. */
export class PendingQueries {
  private readonly waiting = new Chain<Wait>();
  private readonly ofNetwork = new Map<string, number>();
  private readonly share: number;
  private readonly end = new AbortController();
  private emptied: (() => void)[] = [];

  constructor(private readonly limit: number) {
    this.share = Math.ceil(limit * SHARE);
    setMaxListeners(0, this.end.signal);
  }

  /**
   * What work gives at once, or as a promise the outcome for which one more waits; or who is too many, and then nothing
   * is done. The promise rejects as soon as it is given up, whether or not the work heeds its signal.
   */
  wait<T>(work: (signal: AbortSignal) => T | Promise<T>, { network, gone }: Waiter = {}): T | Promise<T> | Crowd {
    if (this.waiting.size >= this.limit) return 'all';
    if (network !== undefined && (this.ofNetwork.get(network) ?? 0) >= this.share) return 'network';
    // Whoever cannot leave shares one signal: to make one for each costs more than all else that is done for a query.
    const own = gone === undefined ? undefined : new AbortController();
    const outcome = work(own?.signal ?? this.end.signal);
    if (!(outcome instanceof Promise)) return outcome;
    return new Promise<T>((resolve, reject) => {
      const wait = new Wait(reject, own, network, gone);
      this.add(wait);
      outcome.then(
        (value) => {
          this.remove(wait);
          resolve(value);
        },
        (reason: unknown) => {
          this.remove(wait);
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whoever did the work chose it
          reject(reason);
        },
      );
    });
  }

  /** Resolves when none is left. */
  async empty(): Promise<void> {
    if (this.waiting.size > 0) await new Promise<void>((resolve) => this.emptied.push(resolve));
  }

  /** Gives up all that wait, for good: whatever comes later is given up, too. */
  abort(reason: Error): void {
    this.end.abort(reason);
    for (const wait of this.waiting.all()) this.giveUp(wait, reason);
  }

  private giveUp(wait: Wait, reason: Error): void {
    wait.own?.abort(reason);
    this.remove(wait);
    wait.reject(reason);
  }

  private add(wait: Wait): void {
    const { network, gone } = wait;
    this.waiting.add(wait);
    if (network !== undefined) this.ofNetwork.set(network, (this.ofNetwork.get(network) ?? 0) + 1);
    if (gone === undefined) return;
    wait.onGone = () => this.giveUp(wait, gone.reason as Error);
    gone.addEventListener('abort', wait.onGone);
  }

  private remove(wait: Wait): void {
    const { network, gone, onGone } = wait;
    if (!this.waiting.delete(wait)) return;
    if (onGone !== undefined) gone?.removeEventListener('abort', onGone);
    if (network !== undefined) {
      const left = (this.ofNetwork.get(network) ?? 0) - 1;
      if (left > 0) this.ofNetwork.set(network, left);
      else this.ofNetwork.delete(network);
    }
    if (this.waiting.size > 0) return;
    for (const resolve of this.emptied) resolve();
    this.emptied = [];
  }
}

/** One that waits. */
class Wait extends Link {
  onGone: (() => void) | undefined;

  constructor(
    readonly reject: (reason?: unknown) => void,
    readonly own: AbortController | undefined,
    readonly network: string | undefined,
    readonly gone: AbortSignal | undefined,
  ) {
    super();
  }
}
