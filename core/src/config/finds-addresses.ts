import type { BackendContribution } from '../contracts/plugin.js';

/** Whether the unikernels of a backend may do without `ip`. */
export function findsAddresses(contribution: BackendContribution): boolean {
  return contribution.findsAddresses === true;
}
