/** The stable uuid by which a backend knows a machine, the same one after every restart. */
export type MachineId = string;

/** What a backend says of a machine. `unknown` also stands for a backend that cannot be asked at the moment. */
export type PowerState = 'off' | 'starting' | 'running' | 'paused' | 'suspended' | 'stopping' | 'unknown';

/** How to stop: at once, by asking the guest, by keeping its memory, or in a way that only this backend knows. */
export type StopMode = 'destroy' | 'shutdown' | 'suspend' | (string & {});

export interface MachineDescription {
  /** The name that the virtualisation system itself uses. */
  readonly name?: string | undefined;
  readonly state: PowerState;
  /** The running machine's number: a domain id, or a process id. */
  readonly domainId?: number | undefined;
  /** All MAC addresses, in device order, as `00:16:3e:00:00:01`; none where absent. */
  readonly macs?: readonly string[] | undefined;
  /** Why it is in this state, for people: an exit status, the last words of its log. */
  readonly detail?: string | undefined;
}

/**
 * One machine of a backend: what `Backend.machine` hands out, one for each unikernel. It stays valid while the
 * connection is lost, and after `close` and another `connect`.
 *
 * Every method rejects with a `JitsuError`: `JITSU_UNIKERNEL_UNKNOWN` where the machine is gone and nobody can make it
 * anew, `JITSU_BACKEND_UNREACHABLE` while the system does not answer (at once, never after a long wait),
 * `JITSU_BACKEND_DENIED` for what it does not let us do, `JITSU_BACKEND_FAILED` for whatever else it refuses.
 *
 * The core calls these methods through checks of its own: one start at a time, only the stop modes among the
 * capabilities, no signal that has aborted. A backend need not repeat them. The calls that change one machine follow each
 * other, but for a stop behind a call that has hung for a minute: it is made while that call is still under way.
 */
export interface Machine {
  readonly id: MachineId;

  describe(): Promise<MachineDescription>;

  /** From `off`; without effect on a running machine. Resolves when the machine executes. */
  start(): Promise<void>;

  /** From `suspended`; without effect on a running machine. Absent where a machine is never suspended. */
  resume?(): Promise<void>;

  /** From `paused`; without effect on a running machine. Absent where a machine is never paused. */
  unpause?(): Promise<void>;

  /**
   * Stops the machine in one of the modes among the capabilities; without effect on one that does not run. A mode that
   * asks the guest resolves when the guest was asked or later: the core waits until the machine has stopped, after any mode
   * but `shutdown` for a minute at most, and then says that the stop has failed. A `destroy` has a minute altogether. When
   * `signal` aborts, the core has given up waiting and calls again with `destroy`.
   */
  stop(mode: StopMode, signal: AbortSignal): Promise<void>;

  /**
   * The addresses that the system itself knows the machine to have, the most useful first; none while it knows of none.
   * Present where the backend's contribution says `findsAddresses`.
   */
  addresses?(): Promise<readonly string[]>;
}
