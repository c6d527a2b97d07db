/** What the operating system says of a process at this moment. */
export interface ProcessEntry {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  /** With the pid and the boot, this tells a process from any other; only to be compared. */
  readonly startTime: string;
  /** A zombie is dead. */
  readonly state: 'alive' | 'stopped' | 'dead';
}

/** Looks at processes. Every answer is a snapshot. */
export interface ProcessTable {
  /** Which boot of the machine this is. */
  readonly bootId: string;
  /** Undefined where there is no such process. */
  look(pid: number): ProcessEntry | undefined;
  all(): ProcessEntry[];
  /** `KEY=VALUE` each; undefined where it cannot be read. */
  environment(pid: number): readonly string[] | undefined;
}
