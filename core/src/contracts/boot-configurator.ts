import type { Registration } from './backend.js';
import type { MachineId } from './machine.js';
import type { MayNeedRoot } from './may-need-root.js';

/** A machine that has been created and does not run yet. */
export interface BootingDomain {
  readonly name: string;
  readonly id: MachineId;
  readonly domainId: number;
  /** The unikernel's options, as the backend's schema parsed them. */
  readonly options: unknown;
}

/**
 * Does what is needed between the creation of a machine and its first instruction. A failure fails the boot.
 *
 * A backend offers one of two ways, or both. A backend that creates machines paused, whose guests read Xen's store,
 * calls `configure` before it unpauses them. A backend that builds the kernel's command line itself, for guests that
 * may read nothing else, calls `commandLine` before it creates the machine.
 */
export interface BootConfigurator extends MayNeedRoot {
  configure(domain: BootingDomain): Promise<void>;

  /**
   * Words to append to the kernel's command line, behind a space; `undefined` for none. Without this method there are
   * none.
   */
  commandLine?(unikernel: Registration): Promise<string | undefined>;

  /**
   * Called by the core when Jitsu starts, for every unikernel of a backend that calls boot configurators, so that a
   * mistake is found before the first boot.
   * @throws JITSU_UNIKERNEL_INVALID with every problem
   */
  check?(unikernel: Registration): Promise<void>;
}
