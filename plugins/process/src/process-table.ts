/** The operating system's information about a process at this moment. */
export interface ProcessEntry {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  /** Together with the pid and the boot, it identifies a process; only for comparison. */
  readonly startTime: string;
  /** A zombie is dead. */
  readonly state: 'alive' | 'stopped' | 'dead';
}

/** Reads the process table. Every result is a snapshot. */
export interface ProcessTable {
  /** The identity of the machine's current boot. */
  readonly bootId: string;
  /** Undefined where the process does not exist. */
  look(pid: number): ProcessEntry | undefined;
  all(): ProcessEntry[];
  /** `KEY=VALUE` each; undefined where it cannot be read. */
  environment(pid: number): readonly string[] | undefined;
  /** The words of its command line; undefined where they cannot be read. */
  commandLine(pid: number): readonly string[] | undefined;
  /** The numbers of its users: real, effective, saved and for files; undefined where they cannot be read. */
  users(pid: number): readonly number[] | undefined;
}
