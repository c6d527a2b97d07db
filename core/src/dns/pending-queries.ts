import { setMaxListeners } from 'node:events';

/** The queries that wait for their answer: at most `limit`, each with the means to give it up. */
export class PendingQueries {
  private readonly waiting = new Set<(reason: Error) => void>();
  private readonly end = new AbortController();
  private emptied: (() => void)[] = [];

  constructor(private readonly limit: number) {
    setMaxListeners(0, this.end.signal);
  }

  /**
   * Waits for one more, or gives `undefined` where the limit is reached. Rejects as soon as it is given up, whether or not
   * the work heeds its signal. `gone` aborts when its asker is gone.
   */
  wait<T>(work: (signal: AbortSignal) => Promise<T>, gone?: AbortSignal): Promise<T> | undefined {
    if (this.waiting.size >= this.limit) return undefined;
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
        this.remove(giveUp);
      };
      this.waiting.add(giveUp);
      gone?.addEventListener('abort', onGone);
      work(own?.signal ?? this.end.signal).then(
        (value) => {
          leave();
          resolve(value);
        },
        (error: unknown) => {
          leave();
          reject(error instanceof Error ? error : new Error(String(error)));
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
    for (const giveUp of [...this.waiting]) giveUp(reason);
  }

  private remove(giveUp: (reason: Error) => void): void {
    if (!this.waiting.delete(giveUp) || this.waiting.size > 0) return;
    for (const resolve of this.emptied) resolve();
    this.emptied = [];
  }
}
