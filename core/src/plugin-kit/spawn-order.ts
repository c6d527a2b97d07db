import type { ControlLimits } from '../contracts/control-limits.js';

/** How a process ended; empty where only its parent could know. */
export interface Exit {
  readonly status?: number;
  readonly signal?: NodeJS.Signals;
}

/** An order to the process that spawns. */
export interface SpawnOrder {
  readonly number: number;
  readonly program: string;
  readonly argv0: string;
  readonly words: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Files that are created for its output, which is otherwise thrown away. */
  readonly stdout?: string;
  readonly stderr?: string;
  readonly account?: { readonly uid: number; readonly gid: number };
  /** Supplementary groups of the account. */
  readonly groups?: readonly number[] | undefined;
  readonly umask?: number | undefined;
  /** How many files it may have open. */
  readonly files?: number | undefined;
  /** The control group that it runs in. */
  readonly control?: ControlLimits | undefined;
  /** All processes of its group end with it, and with the process that spawns. */
  readonly temporary?: boolean;
}

/** An order about a control group: limits to set anew, or a group to remove, with all that still runs in it. */
export type GroupOrder = { readonly confine: ControlLimits } | { readonly release: ControlLimits };

/** The results of an order: a process or a failure, and finally the end of that process. */
export type SpawnNews =
  | { readonly number: number; readonly pid: number }
  | { readonly number: number; readonly failure: { readonly code: string | undefined; readonly message: string } }
  | { readonly number: number; readonly exit: Exit }
  /** A process has stopped, continued or ended; the system does not say which. */
  | { readonly changed: true };
