import type { Milliseconds } from '../../contracts/milliseconds.js';

/** One question on its way: all who ask it meanwhile wait for the same outcome. */
export class Flight<T> {
  /** Set where the outcome is none that could replace an older one. */
  failed = false;

  constructor(
    readonly startedAt: Milliseconds,
    readonly outcome: Promise<T>,
  ) {}
}

/** Sees to it that a question is on its way once at a time. */
export class Flights<T> {
  private readonly flying = new Map<string, { flight: Flight<T> | undefined }>();

  /** The one that is on its way under a key. */
  get(key: string): Flight<T> | undefined {
    return this.flying.get(key)?.flight;
  }

  start(key: string, startedAt: Milliseconds, outcome: Promise<T>): Flight<T> {
    const flight = new Flight(startedAt, outcome);
    this.flying.set(key, { flight });
    return flight;
  }

  /** It has come to its end. */
  end(key: string): Flight<T> | undefined {
    const place = this.flying.get(key);
    if (place === undefined) return undefined;
    const { flight } = place;
    // A table that the map has dropped may keep the place alive for long, as `Chain` says, and must not keep more.
    place.flight = undefined;
    this.flying.delete(key);
    return flight;
  }
}
