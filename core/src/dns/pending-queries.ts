import { setMaxListeners } from 'node:events';

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
  private readonly waiting = new Set<(reason: Error) => void>();
  private readonly ofNetwork = new Map<string, number>();
  private readonly share: number;
  private readonly end = new AbortController();
  private emptied: (() => void)[] = [];

  constructor(private readonly limit: number) {
    this.share = Math.ceil(limit * SHARE);
    setMaxListeners(0, this.end.signal);
  }

  /**
   * Waits for one more, or says who is too many. Rejects as soon as it is given up, whether or not the work heeds its
   * signal.
   */
  wait<T>(work: (signal: AbortSignal) => Promise<T>, { network, gone }: Waiter = {}): Promise<T> | Crowd {
    if (this.waiting.size >= this.limit) return 'all';
    if (network !== undefined && !this.hasPlaceFor(network)) return 'network';
    return new Promise<T>((resolve, reject) => {
      // Whoever cannot leave shares one signal: to make one for each costs more than all else that is done for a query.
      const own = gone === undefined ? undefined : new AbortController();
      const giveUp = (reason: Error): void => {
        own?.abort(reason);
        leave();
        reject(reason);
      };
      const onGone = (): void => giveUp(gone?.reason as Error);
      const leave = (): void => {
        gone?.removeEventListener('abort', onGone);
        this.remove(giveUp, network);
      };
      this.waiting.add(giveUp);
      gone?.addEventListener('abort', onGone);
      work(own?.signal ?? this.end.signal)
        .finally(leave)
        .then(resolve, reject);
    });
  }

  /** Resolves when none is left. */
  async empty(): Promise<void> {
    if (this.waiting.size > 0) await new Promise<void>((resolve) => this.emptied.push(resolve));
  }

  /** Gives up all that wait, for good: whatever comes later is given up, too. */
  abort(reason: Error): void {
    this.end.abort(reason);
    for (const giveUp of [...this.waiting]) giveUp(reason);
  }

  private hasPlaceFor(network: string): boolean {
    const waiting = this.ofNetwork.get(network) ?? 0;
    if (waiting >= this.share) return false;
    this.ofNetwork.set(network, waiting + 1);
    return true;
  }

  private remove(giveUp: (reason: Error) => void, network: string | undefined): void {
    if (!this.waiting.delete(giveUp)) return;
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
