import { errorMessage, type Logger, type PowerWatch } from '@jitsud/core/plugin';
import { apiFailure } from './api-failure.js';
import { untilOff } from './until-off.js';
import type { XapiVm } from './xapi-vm.js';

/** The guest has not the means to follow, or does not react. */
const UNHEARD: ReadonlySet<string> = new Set([
  'VM_LACKS_FEATURE',
  'VM_LACKS_FEATURE_SHUTDOWN',
  'VM_MISSING_PV_DRIVERS',
  'VM_OLD_PV_DRIVERS',
  'VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT',
  'VM_SHUTDOWN_TIMEOUT',
]);

/**
 * Asks the guest to power off, and resolves when it has; rejects with the signal's reason when that aborts first. A
 * guest that cannot be asked gets the same time.
 * @throws what {@link XapiVm.perform} throws
 */
export async function shutDown(vm: XapiVm, power: PowerWatch, logger: Logger, signal: AbortSignal): Promise<void> {
  const { state } = vm.state();
  if (state === 'off') return;
  // A guest that does not run cannot be asked.
  if (state === 'paused') await vm.perform('unpause', { doing: 'unpaused', done: ['running'] });
  if (state === 'suspended') {
    await vm.perform('resume', { doing: 'resumed', done: ['running'], parameters: [false, false] });
  }
  try {
    await vm.ask('clean_shutdown', { doing: 'shut down', done: ['off', 'stopping'], signal });
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (signal.aborted || !UNHEARD.has(apiFailure(cause)?.code ?? '')) throw error;
    logger.warn({ unikernel: vm.name }, `It is waited for: ${errorMessage(error)}`);
  }
  if (vm.state().state !== 'off') await untilOff(power, vm.id, signal);
}
