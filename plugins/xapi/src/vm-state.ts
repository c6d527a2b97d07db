import type { PowerState } from '@jitsud/core/plugin';
import type { VmRecord } from './vm-record.js';

const STARTS: ReadonlySet<string> = new Set(['start', 'start_on', 'resume', 'resume_on']);
const STOPS: ReadonlySet<string> = new Set(['clean_shutdown', 'hard_shutdown', 'shutdown', 'suspend']);

/**
 * The state that a VM's power_state and its current operations stand for. `ignoredShutdown`: its guest has not
 * followed a shutdown request, which is not waited for any more.
 */
export function stateOf({ power_state, current_operations }: VmRecord, ignoredShutdown = false): PowerState {
  const operations = Object.values(current_operations);
  const starts = operations.some((operation) => STARTS.has(operation));
  const stops = operations.some(
    (operation) => STOPS.has(operation) && !(ignoredShutdown && operation !== 'hard_shutdown'),
  );
  switch (power_state) {
    case 'Halted':
      return starts ? 'starting' : 'off';
    case 'Suspended':
      return starts ? 'starting' : 'suspended';
    case 'Paused':
      // Its domain is created, and will be unpaused as soon as it is complete.
      if (starts) return 'starting';
      return stops ? 'stopping' : 'paused';
    case 'Running':
      return stops ? 'stopping' : 'running';
    default:
      return 'unknown';
  }
}
