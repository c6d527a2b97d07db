import type { BackendContribution } from '../contracts/plugin.js';

/** Whether the unikernels of a backend may do without `ip`: its class has the method `addresses`. */
export function findsAddresses({ useClass }: BackendContribution): boolean {
  return 'addresses' in (useClass.prototype as object);
}
