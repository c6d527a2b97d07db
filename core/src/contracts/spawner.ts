import type { ControlLimits } from './control-limits.js';

/** Variables of an environment; those that are undefined are left out. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A socket that a program is given (sd_listen_fds(3)). */
export type LaunchSocket = {
  /** What the program finds in `LISTEN_FDNAMES`. */
  readonly name: string;
} & (
  | {
      /** Its descriptor in the process that answers queries, which stays open there. */
      readonly descriptor: number;
    }
  | {
      /** Node's own object for it, where descriptors cannot be passed: not where Jitsu gives up root. */
      readonly handle: object;
      /** Given another such object for the same socket, which Node itself cannot copy. */
      returned(copy: object): void;
    }
);

/** Everything about a program that is fixed when its unikernel is registered. */
export interface Launch {
  readonly program: string;
  /** The program's own name for itself. */
  readonly argv0: string;
  /** What follows it on the command line. */
  readonly words: readonly string[];
  readonly cwd: string;
  /** The first of its variables; the same object for all launches that inherit the same. */
  readonly inherited?: Variables | undefined;
  /** Further variables. These and all below win over those above. */
  readonly env?: Variables | undefined;
  /** A file of further variables, which the process that spawns reads at each start. */
  readonly environmentFile?: string | undefined;
  /** Its last variables, by which others know what it belongs to. */
  readonly marks?: Variables | undefined;
  /**
   * The path, without `.stdout` and `.stderr`, of the files that are made for its output, for nobody else to read. It is
   * otherwise thrown away.
   */
  readonly output?: string | undefined;
  /** As whom it runs. Absent for the user of the process that spawns; `jitsu` for the one that answers queries. */
  readonly account?: { readonly uid: number; readonly gid: number } | 'jitsu' | undefined;
  /** Supplementary groups of the account. */
  readonly groups?: readonly number[] | undefined;
  readonly umask?: number | undefined;
  /** How many files it may have open. */
  readonly files?: number | undefined;
  /** The control group that it runs in, with all that it starts. */
  readonly control?: ControlLimits | undefined;
  /** Its descriptors from 3 on, with `LISTEN_FDS`, `LISTEN_FDNAMES` and `LISTEN_PID`. */
  readonly sockets?: readonly LaunchSocket[] | undefined;
  /** Whether executing a file (one with set-user-id) may give it more privileges. */
  readonly newPrivileges?: boolean | undefined;
  /** All processes of its group end with it, and with the process that spawns. */
  readonly temporary?: boolean | undefined;
}

/** A launch by its name. */
export interface Launchable {
  /** Different from that of any other; the same one for the same launch, and at most 4,096 characters. */
  readonly key: string;
  launch(): Launch;
}

/** What only a start brings. */
export interface LaunchDetails {
  /** 32 hexadecimal digits, which the program gets as `JITSU_SPAWN`. */
  readonly nonce?: string | undefined;
  /** The id of the machine that a command looks after, which it gets as `JITSU_ID`. */
  readonly id?: string | undefined;
  /** Addresses, which it gets as `JITSU_ADDRESSES`, separated by spaces. */
  readonly addresses?: readonly string[] | undefined;
}

/** How a process ended; empty where only its parent could know. */
export interface Exit {
  readonly status?: number;
  readonly signal?: NodeJS.Signals;
}

/** A spawned program. */
export interface LiveChild {
  readonly pid: number;
  /**
   * Resolves when it has ended, if its end is reported. For a temporary program it also resolves, without a status, when
   * the process that spawns has ended.
   */
  readonly exited: Promise<Exit>;
  /** Whether its end will be reported: not when the process that spawns has itself ended. */
  readonly told: boolean;
}

/** The signals that are sent to programs. */
export type ProgramSignal = 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT';

/**
 * Spawns programs by a small process, and reports their ends. Where Jitsu gives up root, that process keeps it, and
 * carries out nothing but what it was told before.
 */
export interface Spawner {
  /**
   * To be called for each launch when its unikernel is registered, whether or not it will ever start.
   * @throws JITSU_ROOT_GIVEN_UP where Jitsu has given up root already, JITSU_UNIKERNEL_INVALID for a program that is to
   * run as the user that Jitsu becomes
   */
  allow(launchable: Launchable): void;

  /**
   * Spawns a program in a session of its own. Rejects with the system's error, its `code` and the `path` that it is
   * about, or with one whose `lost` is true where the process that spawns has ended: the next call makes another.
   * @throws JITSU_BACKEND_DENIED for what was not allowed in time, JITSU_BACKEND_UNREACHABLE where Jitsu has given
   * up root and the process that spawns has ended
   */
  spawn(launchable: Launchable, details?: LaunchDetails): Promise<LiveChild>;

  /**
   * Sends a signal to a process group that was spawned or adopted. Resolves with whether there is one; rejects with the
   * system's error.
   */
  signal(group: number, signal: ProgramSignal): Promise<boolean>;

  /** Has {@link signal} take a group that an earlier Jitsu has spawned. The start time is that of proc_pid_stat(5). */
  adopt(group: number, startTime: string): void;

  /**
   * Sets the limits of a launch's control group anew, for what an earlier Jitsu has spawned in it. Rejects with the
   * system's error.
   */
  confine(launchable: Launchable): Promise<void>;

  /** Kills all that is left in a launch's control group, and removes it. */
  release(launchable: Launchable): Promise<void>;

  /**
   * Makes the folder of a launch's output again, where somebody has removed it, the runtime folder included, and Jitsu
   * itself may not make it since it has given up root. Rejects with the system's error.
   */
  restoreFolder(launchable: Launchable): Promise<void>;

  /**
   * Calls the listener when an unknown program has stopped, continued or ended, temporary ones excepted, and when the
   * ends of running programs will not be reported any more. Without a listener, no process is kept.
   */
  watch(listener: () => void): Disposable;
}
