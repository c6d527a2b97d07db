import type { Exit, Launch, LaunchDetails } from '../contracts/spawner.js';

/** An order to the process that spawns. */
export interface SpawnOrder {
  readonly number: number;
  readonly launch: Launch;
  readonly details: LaunchDetails;
}

/** Why an order could not be carried out. */
export interface SpawnFailure {
  readonly code: string | undefined;
  readonly message: string;
  /** What it is about. */
  readonly path?: string | undefined;
}

/** The results of an order: a process or a failure, and finally the end of that process. */
export type SpawnNews =
  | { readonly number: number; readonly pid: number }
  | { readonly number: number; readonly failure: SpawnFailure }
  | { readonly number: number; readonly exit: Exit }
  /** A process has stopped, continued or ended; the system does not say which. */
  | { readonly changed: true };
