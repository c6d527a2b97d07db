import type { UnikernelId } from './backend.js';

/** A machine that has been created and does not run yet. */
export interface BootingDomain {
  readonly name: string;
  readonly id: UnikernelId;
  readonly domainId: number;
  /** The unikernel's options, as the backend's schema parsed them. */
  readonly options: unknown;
}

/** Does what must be done between the creation of a machine and its first instruction. Its failure fails the boot. */
export interface BootConfigurator {
  configure(domain: BootingDomain): Promise<void>;
}
