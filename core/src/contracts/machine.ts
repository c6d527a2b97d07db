import type { Launch, Variables } from './spawner.js';

/** The stable uuid by which a backend knows a machine, the same one after every restart. */
export type MachineId = string;

/** The state that a backend reports. `unknown` also stands for a backend that cannot be asked at the moment. */
export type PowerState = 'off' | 'starting' | 'running' | 'paused' | 'suspended' | 'stopping' | 'unknown';

/** How to stop: destroy at once, ask the guest, save its memory, or a mode that only this backend knows. */
export type StopMode = 'destroy' | 'shutdown' | 'suspend' | (string & {});

/** A machine that runs as its unikernel was defined before, and not as it is defined now. */
export interface OutdatedDefinition {
  /** What has changed since the machine was started, as the object of a sentence: `command and ip`. */
  readonly changed: string;
  /** The addresses that the unikernel had then, and the machine has therefore; absent where they are not known. */
  readonly addresses?: readonly string[] | undefined;
}

export interface MachineDescription {
  /** The name that the virtualisation system itself uses. */
  readonly name?: string | undefined;
  readonly state: PowerState;
  /** The running machine's number: a domain id, or a process id. */
  readonly domainId?: number | undefined;
  /** All MAC addresses, in device order, as `00:16:3e:00:00:01`; absent where it has none. */
  readonly macs?: readonly string[] | undefined;
  /** Why it is in this state, for people: an exit status, or the end of its log. */
  readonly detail?: string | undefined;
  /**
   * Present where the machine is not off and was started by another definition than that of its registration, as far as
   * the backend knows. The core then looks for its service at the addresses that it has, and has it end when it is not
   * used, so that the next start takes the present definition.
   */
  readonly outdated?: OutdatedDefinition | undefined;
}

/** How commands that belong to a machine run: as whom, where, and with what. */
export interface Execution extends Omit<
  Launch,
  'program' | 'argv0' | 'words' | 'marks' | 'output' | 'sockets' | 'temporary'
> {
  readonly env: Variables;
  /** Absent for the user whom programs without one run as. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
}

/** A port at which Jitsu itself listens for a machine, whose service accepts what waits there once it runs. */
export interface HeldListener {
  /**
   * Resolves when the service has accepted a connection since the call, and when none waits; rejects with the signal's
   * reason when that aborts first.
   */
  untilAccepted(signal: AbortSignal): Promise<void>;
}

/**
 * One machine of a backend, handed out by `Backend.machine`, one per unikernel. It stays valid while the connection is
 * lost, and after `close` and another `connect`.
 *
 * Every method rejects with a `JitsuError`: `JITSU_UNIKERNEL_UNKNOWN` where the machine is gone and cannot be defined
 * again, `JITSU_BACKEND_UNREACHABLE` while the system does not answer (at once, never after a long wait),
 * `JITSU_BACKEND_DENIED` for what the system does not permit, `JITSU_BACKEND_FAILED` for anything else that it refuses.
 *
 * The core checks each call first: one start at a time, only the stop modes among the capabilities, no aborted signal.
 * A backend need not repeat these checks. Calls that change one machine run one after the other, except for a stop
 * behind a call that has hung for a minute: the stop is called while the other call is still under way.
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
   * asks the guest resolves when the guest was asked or later: the core waits until the machine has stopped, after any
   * mode but `shutdown` for at most a minute, and then reports a failed stop. A `destroy` has a minute in total. When
   * `signal` aborts, the core has stopped waiting and calls again with `destroy`.
   */
  stop(mode: StopMode, signal: AbortSignal): Promise<void>;

  /**
   * The addresses that the system itself knows for the machine, the most useful first; empty while it knows none.
   * Present where the backend's contribution sets `findsAddresses`.
   */
  addresses?(): Promise<readonly string[]>;

  /**
   * The last lines that the machine has written, oldest first, also after it has ended: for people who look for the
   * reason. The core shows the last twenty, and asks only when somebody asks for this machine. Present where the backend
   * knows them.
   */
  recentOutput?(): Promise<readonly string[]>;

  /**
   * How a command that looks after the machine runs, so that it gets no more than the machine itself. Present where the
   * machine is a process of this system; elsewhere such a command runs as Jitsu's own user.
   */
  execution?(): Execution | undefined;

  /**
   * Where Jitsu itself listens for the machine at this address and TCP port, so that a connection there says nothing of
   * its service; `undefined` where the machine itself would listen. Present where the backend can listen.
   */
  listener?(address: string, port: number): HeldListener | undefined;
}
