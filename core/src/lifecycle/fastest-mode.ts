import { FASTEST } from '../config/stop.js';
import type { StopMode } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadyTimes } from './ready-times.js';
import type { Unikernel } from './unikernel.js';

/** A boot that is ready sooner than that is worth no memory. */
const SLOW: Milliseconds = 1_000;

/** The mode in which a unikernel is stopped unless somebody names one. */
export function usualModeOf(unikernel: Unikernel, times: Pick<ReadyTimes, 'usual'>): StopMode {
  const { outdated, plan } = unikernel;
  const ending = plan.endingMode ?? plan.stopMode;
  // What is outdated must not be kept in memory.
  if (outdated !== undefined) return ending;
  if (plan.stopMode !== FASTEST) return plan.stopMode;
  const [start, resume] = [times.usual(unikernel, 'start'), times.usual(unikernel, 'resume')];
  const isWorthIt = plan.canSuspend === true && start !== undefined && start > SLOW && (resume ?? 0) < start;
  return isWorthIt ? 'suspend' : ending;
}
