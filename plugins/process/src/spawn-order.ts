/** How the first process of a machine ended; empty where only its parent could know. */
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
  /** Files that are created for its output. */
  readonly stdout: string;
  readonly stderr: string;
  readonly account?: { readonly uid: number; readonly gid: number };
}

/** The results of an order: a process or a failure, and finally the end of that process. */
export type SpawnNews =
  | { readonly number: number; readonly pid: number }
  | { readonly number: number; readonly failure: { readonly code: string | undefined; readonly message: string } }
  | { readonly number: number; readonly exit: Exit }
  /** A process has stopped, continued or ended; the system does not say which. */
  | { readonly changed: true };
