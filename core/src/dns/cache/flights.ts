import type { Milliseconds } from '../../contracts/milliseconds.js';

/** One question on its way: all who ask it meanwhile wait for the same outcome. */
export interface Flight<T> {
  readonly startedAt: Milliseconds;
  readonly outcome: Promise<T>;
}

/** Sees to it that a question is on its way once at a time. */
export class Flights<T> {
  private readonly flying = new Map<string, { flight: Flight<T> | undefined }>();

  /** The one that is on its way under a key. */
  get(key: string): Flight<T> | undefined {
    return this.flying.get(key)?.flight;
  }

  start(key: string, startedAt: Milliseconds, outcome: Promise<T>): Flight<T> {
    const flight = { startedAt, outcome };
    this.flying.set(key, { flight });
    return flight;
  }

  /** It has come to its end. */
  end(key: string): void {
    const place = this.flying.get(key);
    // A table that the map has dropped may keep the place alive for long, as `Chain` says, and must not keep more.
    if (place !== undefined) place.flight = undefined;
    this.flying.delete(key);
  }
}
