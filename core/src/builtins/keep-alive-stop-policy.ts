import { injectable } from '../plugins/injection.js';
import type { StopOpinion, StopPolicy } from '../contracts/stop-policy.js';

/** Never stops a unikernel: it runs from its first summon on. */
@injectable()
export class KeepAliveStopPolicy implements StopPolicy {
  opinionOn(): StopOpinion {
    return { keepUntil: Infinity };
  }
}
