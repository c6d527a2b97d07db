import type { Milliseconds } from '../../contracts/milliseconds.js';

/** One question on its way: all who ask it meanwhile wait for the same outcome. */
export interface Flight<T> {
  readonly startedAt: Milliseconds;
  readonly outcome: Promise<T>;
}

/** Sees to it that a question is on its way once at a time. */
export class Flights<T> {
  private readonly flying = new Map<string, Flight<T>>();

  /** The one that is on its way under a key. */
  get(key: string): Flight<T> | undefined {
    return this.flying.get(key);
  }

  start(key: string, startedAt: Milliseconds, outcome: Promise<T>): Flight<T> {
    const flight = { startedAt, outcome };
    this.flying.set(key, flight);
    return flight;
  }

  /** It has come to its end. */
  end(key: string): void {
    this.flying.delete(key);
  }
}
