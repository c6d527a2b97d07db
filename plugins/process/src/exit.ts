/** How the first process of a machine ended; empty where only its parent could know. */
export interface Exit {
  readonly status?: number;
  readonly signal?: NodeJS.Signals;
}
