import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsAnswer } from '../../contracts/resolver.js';

/** A question in flight to the source. All clients that ask it meanwhile get the same outcome. */
export class InFlightQuestion {
  /** Set at the end, if the outcome does not replace an older answer. */
  failed = false;

  constructor(
    readonly startedAt: Milliseconds,
    readonly outcome: Promise<DnsAnswer | undefined>,
  ) {}
}

/** The questions in flight, by their cache keys. */
export class InFlightQuestions {
  private readonly places = new Map<string, { question: InFlightQuestion | undefined }>();

  get(key: string): InFlightQuestion | undefined {
    return this.places.get(key)?.question;
  }

  start(key: string, startedAt: Milliseconds, outcome: Promise<DnsAnswer | undefined>): InFlightQuestion {
    const question = new InFlightQuestion(startedAt, outcome);
    this.places.set(key, { question });
    return question;
  }

  end(key: string): InFlightQuestion | undefined {
    const place = this.places.get(key);
    if (place === undefined) return undefined;
    const { question } = place;
    // A table that the map has dropped can keep the place alive for long, as `Chain` explains; the place must keep
    // nothing else.
    place.question = undefined;
    this.places.delete(key);
    return question;
  }
}
