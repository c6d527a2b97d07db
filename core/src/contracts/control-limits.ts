/** What a program and all that it starts may use together, by a control group (cgroup v2) of their own. */
export interface ControlLimits {
  /** The folder in which the group is made. */
  readonly folder: string;
  /** The name of the group. */
  readonly group: string;
  /**
   * Whether the folder's controllers are handed back when the process that spawns ends, so that the next Jitsu can be
   * started in it.
   */
  readonly handBack: boolean;
  /** In bytes. */
  readonly memory?: number | undefined;
  /** In processors: 0.5 is half the time of one. */
  readonly cpu?: number | undefined;
  /** Their number, threads included. */
  readonly processes?: number | undefined;
}
