import type { StopOpinion, StopPolicy } from '../contracts/stop-policy.js';

/** Never stops a unikernel: it runs from its first summon on. */
export class KeepAliveStopPolicy implements StopPolicy {
  opinionOn(): StopOpinion {
    return { keepUntil: Infinity, why: 'its policy keep-alive' };
  }
}
