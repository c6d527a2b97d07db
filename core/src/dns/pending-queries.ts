import { setMaxListeners } from 'node:events';
import { Chain, Link } from '../collections/chain.js';

/** The limit that a query exceeds: that of all pending queries, or that of its client's network. */
export type ExceededLimit = 'all' | 'network';

/** The share of all places that one network may take, so that clients of other networks find one. */
const SHARE = 1 / 4;

/** The client of a pending query. */
export interface Waiter {
  /** The key of the client's network; absent for clients that may take every place. */
  readonly network?: string | undefined;
  /** Aborts when the client is gone. */
  readonly gone?: AbortSignal | undefined;
}

/** What to make of the result or the error. Neither function may throw. */
export interface Ending<T, R> {
  done(value: T): R;
  failed(reason: unknown): R;
}

/** The queries that wait for their answer: at most `limit`, each of which can be given up. */
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
   * Starts work for one more query and maps its end by `ending`: at once where the work ends at once. Where a limit is
   * exceeded, returns which one and starts nothing. The promise never rejects, and resolves as soon as the work is
   * given up, whether or not the work heeds its signal.
   */
  wait<T, R extends object>(
    work: (signal: AbortSignal) => T | Promise<T>,
    ending: Ending<T, R>,
    { network, gone }: Waiter = {},
  ): R | Promise<R> | ExceededLimit {
    if (this.waiting.size >= this.limit) return 'all';
    if (network !== undefined && (this.ofNetwork.get(network) ?? 0) >= this.share) return 'network';
    // Queries whose clients cannot leave share one signal: an AbortController for each costs more than the rest of a
    // query.
    const own = gone === undefined ? undefined : new AbortController();
    let outcome: T | Promise<T>;
    try {
      outcome = work(own?.signal ?? this.end.signal);
    } catch (reason) {
      return ending.failed(reason);
    }
    if (!(outcome instanceof Promise)) return ending.done(outcome);
    const promise = outcome;
    return new Promise<R>((resolve) => {
      const wait = new Wait((reason) => resolve(ending.failed(reason)), own, network, gone);
      this.add(wait);
      // A query that was given up gets no second outcome.
      promise.then(
        (value) => this.remove(wait) && resolve(ending.done(value)),
        (reason: unknown) => this.remove(wait) && resolve(ending.failed(reason)),
      );
    });
  }

  /** Resolves when no query is pending. */
  async empty(): Promise<void> {
    if (this.waiting.size > 0) await new Promise<void>((resolve) => this.emptied.push(resolve));
  }

  /** Gives up all pending queries, and all that come later. */
  abort(reason: Error): void {
    this.end.abort(reason);
    for (const wait of this.waiting.all()) this.giveUp(wait, reason);
  }

  private giveUp(wait: Wait, reason: Error): void {
    wait.own?.abort(reason);
    this.remove(wait);
    wait.giveUp(reason);
  }

  private add(wait: Wait): void {
    const { network, gone } = wait;
    this.waiting.add(wait);
    if (network !== undefined) this.ofNetwork.set(network, (this.ofNetwork.get(network) ?? 0) + 1);
    if (gone === undefined) return;
    wait.onGone = () => this.giveUp(wait, gone.reason as Error);
    gone.addEventListener('abort', wait.onGone);
  }

  /** Returns whether the query was still pending. */
  private remove(wait: Wait): boolean {
    const { network, gone, onGone } = wait;
    if (!this.waiting.delete(wait)) return false;
    if (onGone !== undefined) gone?.removeEventListener('abort', onGone);
    if (network !== undefined) {
      const left = (this.ofNetwork.get(network) ?? 0) - 1;
      if (left > 0) this.ofNetwork.set(network, left);
      else this.ofNetwork.delete(network);
    }
    if (this.waiting.size === 0 && this.emptied.length > 0) {
      for (const resolve of this.emptied) resolve();
      this.emptied = [];
    }
    return true;
  }
}

/** One pending query. */
class Wait extends Link {
  onGone: (() => void) | undefined;

  constructor(
    readonly giveUp: (reason: Error) => void,
    readonly own: AbortController | undefined,
    readonly network: string | undefined,
    readonly gone: AbortSignal | undefined,
  ) {
    super();
  }
}
