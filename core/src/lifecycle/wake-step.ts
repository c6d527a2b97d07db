import type { PowerState } from '../contracts/machine.js';

/**
 * What a wake does to a machine in each state.
 *
 * - `start`, `resume`, `unpause`: the backend's method of that name.
 * - `wait`: it is on its way to another state; look again when it has got there.
 * - `none`: it runs; or nobody can tell (`unknown`), and then starting it would risk more than answering.
 */
export type WakeStep = 'start' | 'resume' | 'unpause' | 'wait' | 'none';

const STEPS: Readonly<Record<PowerState, WakeStep>> = {
  off: 'start',
  suspended: 'resume',
  paused: 'unpause',
  starting: 'wait',
  stopping: 'wait',
  running: 'none',
  unknown: 'none',
};

/** The one table of what a wake does. */
export function wakeStep(state: PowerState): WakeStep {
  return STEPS[state];
}
