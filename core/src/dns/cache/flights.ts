import type { Milliseconds } from '../../contracts/milliseconds.js';

/** One question on its way, and all who wait for its outcome. */
export class Flight<T> {
  private readonly outcome: Promise<T>;
  private readonly controller = new AbortController();
  private waiting = 0;
  private held = false;
  private over = false;

  constructor(
    readonly startedAt: Milliseconds,
    start: (signal: AbortSignal) => Promise<T>,
    private readonly onOver: (flight: Flight<T>) => void,
  ) {
    this.outcome = start(this.controller.signal).finally(() => this.end());
    // It may fail when nobody waits.
    this.outcome.catch(() => undefined);
  }

  /** From now on it goes on although nobody waits. */
  hold(): void {
    this.held = true;
  }

  /** The outcome. When all who wait have given up, by their signals, it ends with the last one's reason. */
  async wait(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    this.waiting += 1;
    const leave = (): void => {
      this.waiting -= 1;
      if (this.waiting === 0 && !this.held) this.abort(signal.reason as Error);
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await this.outcome;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  abort(reason: Error): void {
    if (this.over) return;
    // Whoever comes now must not join a flight that has been given up.
    this.end();
    this.controller.abort(reason);
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.onOver(this);
  }
}

/** Sees to it that a question is on its way once at a time. */
export class Flights<T> {
  private readonly flying = new Map<string, Flight<T>>();

  /** The one that is on its way under a key. */
  get(key: string): Flight<T> | undefined {
    return this.flying.get(key);
  }

  start(key: string, now: Milliseconds, ask: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const flight = new Flight<T>(now, ask, (over) => {
      if (this.flying.get(key) === over) this.flying.delete(key);
    });
    this.flying.set(key, flight);
    return flight;
  }

  abort(reason: Error): void {
    for (const flight of this.flying.values()) flight.abort(reason);
  }
}
