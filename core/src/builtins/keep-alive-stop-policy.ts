import { injectable } from '../plugins/injection.js';
import type { StopOpinion, StopPolicy } from '../contracts/stop-policy.js';

/** Never lets a unikernel be stopped: it is summoned once, and stays. */
@injectable()
export class KeepAliveStopPolicy implements StopPolicy {
  opinionOn(): StopOpinion {
    return { keepUntil: Infinity };
  }
}
