import type { ActivitySource } from './activity-source.js';
import type { Doorman } from './doorman.js';
import type { Execution, Machine, MachineId, PowerState, StopMode } from './machine.js';
import type { MayNeedRoot } from './may-need-root.js';

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
  /** The configured addresses, for a backend that remembers by which definition a machine was started. */
  readonly addresses?: readonly string[] | undefined;
}

export interface PowerChange {
  readonly id: MachineId;
  readonly state: PowerState;
  /**
   * As in {@link MachineDescription}, where the backend knows it: a machine that reboots may go on to run in another
   * domain.
   */
  readonly domainId?: number | undefined;
  /** As in {@link MachineDescription}. */
  readonly detail?: string | undefined;
}

/** A machine that was started for a unikernel which is not registered any more. */
export interface Stray {
  /** The name of that unikernel. */
  readonly name: string;
  readonly machine: Machine;
  /** The addresses that it had; absent where they are not known. */
  readonly addresses?: readonly string[] | undefined;
}

/**
 * One connection to one virtualisation system. Every method rejects with a `JitsuError` of the codes that
 * {@link Machine} lists.
 */
export interface Backend<Options = unknown> extends MayNeedRoot {
  readonly capabilities: BackendCapabilities;

  /** Knows the traffic to its own machines; the core opens and closes it. */
  readonly activity?: ActivitySource | undefined;

  /** Holds packets for its own machines; the core opens and closes it. */
  readonly doorman?: Doorman | undefined;

  /** Opens the connection and finds out which machines run. May be called again after `close`. */
  connect(): Promise<void>;

  /** Releases everything that is open; machines keep running. */
  close(): Promise<void>;

  /**
   * Checks the options against the system, and finds or defines the machine without starting it. The same registration
   * always gives a machine with the same id.
   *
   * What may pass by itself does not keep Jitsu from starting: `JITSU_BACKEND_UNREACHABLE`, also of `connect`, and
   * `JITSU_UNIKERNEL_UNAVAILABLE`. The unikernel is shown as failing, and the core asks again after a pause. After
   * `JITSU_UNIKERNEL_UNKNOWN`, `JITSU_BACKEND_DENIED` and `JITSU_BACKEND_FAILED` it does so where another backend works.
   * `JITSU_ROOT_GIVEN_UP`, which `Spawner.allow` throws, is told once, and not asked again.
   * @throws JITSU_UNIKERNEL_INVALID with every problem of the options
   * @throws JITSU_UNIKERNEL_UNAVAILABLE where nothing is wrong but that a file of it is not there
   * @throws JITSU_UNIKERNEL_UNKNOWN where the system has no such machine
   */
  machine(registration: Registration<Options>): Promise<Machine>;

  /**
   * Called when Jitsu is about to give up root, for each registration whose machine has not been handed out: allows the
   * `Spawner` what `machine` would allow it, which is too late when the machine comes, and resolves with what the
   * machine's `execution` will be. It may be called while `machine` is under way, and without a connection. Without this
   * method nothing is to be allowed, and no machine has `execution`.
   * @throws JITSU_UNIKERNEL_INVALID with every problem of the options
   */
  allow?(registration: Registration<Options>): Promise<Execution | undefined>;

  /**
   * Asks the system for `jitsu check`, in place of `connect` and `machine`, and changes nothing: connects where it must,
   * and rejects as they would. `close` is called at the end. Without this method `jitsu check` only connects.
   */
  check?(registration: Registration<Options>): Promise<void>;

  /**
   * The memory of the computer on which its machines run, in bytes. Called after a {@link check} that went well. Where it
   * is absent, or `undefined`, nobody knows.
   */
  hostMemory?(): Promise<number | undefined>;

  /**
   * Reports each change of state of the machines that were handed out, in order, whatever its cause, until disposed. A
   * backend that loses its connection reports `unknown` for each of them, and their true states once it is connected
   * again. The core has at most one watch per connection, and a state that is reported twice does no harm. Without this
   * method the core polls.
   */
  watch?(listener: (change: PowerChange) => void): Disposable;

  /**
   * The machines which are not off, that Jitsu has started by this connection before, and that nobody has registered: of
   * unikernels that were removed from the configuration or renamed. Called once, after the registrations of the start.
   * Never among them is what others have defined or started. The core shows them and stops them by command alone; of
   * their machines, it calls `describe`, `stop` and `recentOutput`. `watch` reports their changes, too. Without this
   * method there are none.
   */
  strays?(): Promise<readonly Stray[]>;

  /**
   * Called once, after all registrations, when Jitsu is about to give up root: whatever needs root later is handed to a
   * process that keeps it, and that does nothing but what is registered now. Jitsu may be under attack afterwards, so
   * such a process takes nothing but the names of what it was told before. Without this method nothing needs root.
   */
  beforeDrop?(): Promise<void>;
}
