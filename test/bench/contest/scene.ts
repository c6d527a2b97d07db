/** What a contest is about: how Jitsu is started for it, and what it and others are asked. */
export interface Scene {
  /** Asked for by a type that wakes nothing, until Jitsu is there. */
  readonly probe: string;
  readonly unikernels?: readonly object[];
  readonly dns?: object;
  /** Names of unikernels, which are woken before anything is measured. */
  readonly names?: readonly string[];
  readonly tasks: readonly Task[];
}

export interface Task {
  readonly title: string;
  /** A name and a type each, as dnsperf reads them. */
  readonly queries: readonly string[];
}
