import { duration } from '../plugin-kit/duration.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopOpinion, StopPolicy } from '../contracts/stop-policy.js';
import { inject, optionsOf } from '../plugins/injection.js';

export const longestLife = duration('The longest life');

/** Stops a unikernel after a maximum lifetime, even one in use; until then the next policy decides. */
export class MaxLifetimeStopPolicy implements StopPolicy {
  constructor(@inject(optionsOf(longestLife)) private readonly lifetime: Milliseconds) {}

  opinionOn({ since }: Activity, now: Milliseconds): StopOpinion {
    const end = since + this.lifetime;
    return now < end ? { undecidedUntil: end } : { stop: 'its lifetime is over' };
  }
}
