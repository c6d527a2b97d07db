import type { Machine, MachineId, PowerState, StopMode } from './machine.js';

export interface BackendCapabilities {
  /** The modes that {@link Machine.stop} takes. */
  readonly stopModes: readonly StopMode[];
  /** Whether `start` calls the boot configurators between creating a machine and letting it run. */
  readonly bootConfigurators: boolean;
}

/** A unikernel's name in Jitsu and its options as the plugin's own schema parsed them. */
export interface Registration<Options = unknown> {
  readonly name: string;
  readonly options: Options;
}

export interface PowerChange {
  readonly id: MachineId;
  readonly state: PowerState;
  /** As in {@link MachineDescription}. */
  readonly detail?: string | undefined;
}

/**
 * Drives one connection to one virtualisation system. Every method rejects with a `JitsuError` of the codes that
 * {@link Machine} lists.
 */
export interface Backend<Options = unknown> {
  readonly capabilities: BackendCapabilities;

  /** Opens the connection and finds out what runs already. May be called again after `close`. */
  connect(): Promise<void>;

  /** Lets go of everything that is open; machines keep running. */
  close(): Promise<void>;

  /**
   * Checks the options against the system, and finds or defines the machine. Starts nothing. The same registration
   * always gives a machine of the same id.
   * @throws JITSU_UNIKERNEL_INVALID with all that is wrong with the options
   */
  machine(registration: Registration<Options>): Promise<Machine>;

  /**
   * Tells each change of state of the machines that were handed out, in order, whoever caused it, until disposed. A
   * backend that loses its connection says `unknown` of each of them, and their true states once it is back. The core
   * watches a connection once at a time, and a state that is told twice does no harm. Without this method the core polls.
   */
  watch?(listener: (change: PowerChange) => void): Disposable;
}
