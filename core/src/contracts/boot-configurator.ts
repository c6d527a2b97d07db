import type { Registration } from './backend.js';
import type { MachineId } from './machine.js';

/** A machine that has been created and does not run yet. */
export interface BootingDomain {
  readonly name: string;
  readonly id: MachineId;
  readonly domainId: number;
  /** The unikernel's options, as the backend's schema parsed them. */
  readonly options: unknown;
}

/**
 * Does what must be done between the creation of a machine and its first instruction. Its failure fails the boot.
 *
 * A backend hands over each machine in one of two ways, or both. Where it creates machines paused, whose guests read the
 * store of Xen, it calls `configure` before it lets them run. Where it makes up the kernel's command line itself, for
 * guests that may read nothing else, it asks for `commandLine` before it creates the machine.
 */
export interface BootConfigurator {
  configure(domain: BootingDomain): Promise<void>;

  /**
   * What the kernel's command line is to hold besides, one word or several; `undefined` for nothing. It ends the line,
   * behind a space. Without this method it is always nothing.
   */
  commandLine?(unikernel: Registration): Promise<string | undefined>;

  /**
   * Called by the core, when Jitsu starts, for every unikernel of a backend that calls boot configurators, so that a
   * mistake is found before the first boot.
   * @throws JITSU_UNIKERNEL_INVALID with all that is wrong
   */
  check?(unikernel: Registration): Promise<void>;
}
