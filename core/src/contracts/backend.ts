/** The stable uuid by which a backend knows a unikernel, the same one after every restart. */
export type UnikernelId = string;

/** What a backend says of a machine. `unknown` also stands for a backend that cannot be asked at the moment. */
export type PowerState = 'off' | 'starting' | 'running' | 'paused' | 'suspended' | 'stopping' | 'unknown';

/** How to stop: at once, by asking the guest, by keeping its memory, or in a way that only this backend knows. */
export type StopMode = 'destroy' | 'shutdown' | 'suspend' | (string & {});

export interface BackendCapabilities {
  /** The modes that `stop` takes. */
  readonly stopModes: readonly StopMode[];
  /** Whether `start` calls the boot configurators between creating a machine and letting it run. */
  readonly bootConfigurators: boolean;
}

/** A unikernel's name in Jitsu and its options as the plugin's own schema parsed them. */
export interface Registration<Options = unknown> {
  readonly name: string;
  readonly options: Options;
}

export interface UnikernelDescription {
  /** The name that the virtualisation system itself uses. */
  readonly name?: string;
  readonly state: PowerState;
  /** The running machine's number: a domain id, or a process id. */
  readonly domainId?: number;
  /** All MAC addresses, in device order, as `00:16:3e:00:00:01`. */
  readonly macs: readonly string[];
  /** Why it is in this state, for people: an exit status, the last words of its log. */
  readonly detail?: string;
}

export interface PowerChange {
  readonly id: UnikernelId;
  readonly state: PowerState;
  /** As in {@link UnikernelDescription}. */
  readonly detail?: string;
}

/**
 * Drives one connection to one virtualisation system.
 *
 * Every method rejects with a `JitsuError`: `JITSU_UNIKERNEL_UNKNOWN` for an id that was never registered or whose
 * machine is gone, `JITSU_BACKEND_UNREACHABLE` while the system does not answer (at once, never after a long wait),
 * `JITSU_BACKEND_DENIED` for what it does not let us do, `JITSU_BACKEND_FAILED` for whatever else it refuses.
 */
export interface Backend<Options = unknown> {
  readonly capabilities: BackendCapabilities;

  /** Opens the connection and finds out what runs already. May be called again after `close`. */
  connect(): Promise<void>;

  /** Lets go of everything that is open; machines keep running. */
  close(): Promise<void>;

  /** Checks the options against the system, and finds or makes the stable id. Starts nothing. */
  register(registration: Registration<Options>): Promise<UnikernelId>;

  describe(id: UnikernelId): Promise<UnikernelDescription>;

  /** From `off`. Resolves when the machine executes; of several calls at once all resolve and one machine runs. */
  start(id: UnikernelId): Promise<void>;

  /** From `suspended`; without effect on a running machine. */
  resume(id: UnikernelId): Promise<void>;

  /** From `paused`; without effect on a running machine. */
  unpause(id: UnikernelId): Promise<void>;

  /**
   * Resolves when the machine has stopped in that mode, at once if it does not run. A mode that asks the guest may take
   * as long as the guest likes: when `signal` aborts, the wait ends and the call rejects with the signal's reason. The
   * machine is then still running, and the core calls again with `destroy`.
   * @throws JITSU_STOP_MODE_UNSUPPORTED for a mode that is not among the capabilities
   */
  stop(id: UnikernelId, mode: StopMode, signal: AbortSignal): Promise<void>;

  /**
   * The addresses that the system itself knows a machine to have, the most useful first; none while it knows of none.
   * With this method in the class of a backend, `ip` may be left out of a unikernel's configuration.
   */
  addresses?(id: UnikernelId): Promise<readonly string[]>;

  /**
   * Tells every change of state, in order, whoever caused it, until disposed. A backend that loses its connection says
   * `unknown` of each of its unikernels, and their true states once it is back. Without this method the core polls.
   */
  watch?(listener: (change: PowerChange) => void): Disposable;
}
