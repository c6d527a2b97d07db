import { inject, injectable } from '../plugins/injection.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { Activity, StopOpinion, StopPolicy } from '../contracts/stop-policy.js';
import { OPTIONS } from '../plugins/tokens.js';

/** Stops a unikernel that has run for so long, even one in use; until then the next policy decides. */
@injectable()
export class MaxLifetimeStopPolicy implements StopPolicy {
  constructor(@inject(OPTIONS) private readonly lifetime: Milliseconds) {}

  opinionOn({ since }: Activity, now: Milliseconds): StopOpinion {
    const end = since + this.lifetime;
    return now < end ? { undecidedUntil: end } : { stop: 'its lifetime is over' };
  }
}
