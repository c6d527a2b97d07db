import type { PowerState } from '@jitsud/core/plugin';
import type { VmRecord } from './vm-record.js';

const STARTS: ReadonlySet<string> = new Set(['start', 'start_on', 'resume', 'resume_on']);
const STOPS: ReadonlySet<string> = new Set(['clean_shutdown', 'hard_shutdown', 'shutdown', 'suspend']);

/**
 * What a VM's power_state means together with what is being done to it. `heedless`: its guest has not followed the
 * shutdown that it was asked for, and nobody waits for that any more.
 */
export function stateOf({ power_state, current_operations }: VmRecord, heedless = false): PowerState {
  const operations = Object.values(current_operations);
  const starts = operations.some((operation) => STARTS.has(operation));
  const stops = operations.some((operation) => STOPS.has(operation) && !(heedless && operation !== 'hard_shutdown'));
  switch (power_state) {
    case 'Halted':
      return starts ? 'starting' : 'off';
    case 'Suspended':
      return starts ? 'starting' : 'suspended';
    case 'Paused':
      // Its domain is made, and will be let run as soon as all of it is there.
      if (starts) return 'starting';
      return stops ? 'stopping' : 'paused';
    case 'Running':
      return stops ? 'stopping' : 'running';
    default:
      return 'unknown';
  }
}
