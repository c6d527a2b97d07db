import type { Execution, HeldListener, MachineId } from './machine.js';
import type { MayNeedRoot } from './may-need-root.js';

export interface ReadinessTarget {
  readonly name: string;
  /** Empty for {@link ReadinessProbe.allow} where the machine is not there yet. */
  readonly id: MachineId;
  /** IPv4 and IPv6 addresses, as given in the configuration. */
  readonly addresses: readonly string[];
  /** The domain id or process id of the running machine, where its backend reports one. */
  readonly domainId?: number;
  /** How a command of a probe is to run: undefined for Jitsu's own user, folder and variables. */
  execution?(): Execution | undefined;
  /**
   * What listens for the unikernel in its place: a connection there is open before its service runs. Undefined where its
   * service itself listens.
   */
  listener?(address: string, port: number): HeldListener | undefined;
  /**
   * Told what an attempt has found, such as `192.0.2.7:8080 answered with status 404`. The last of it stands in the error
   * where the deadline passes.
   */
  readonly report?: (outcome: string) => void;
  /**
   * To be called, before its first attempt, by a probe that concludes from what the kernel knows of its neighbours by ARP
   * or neighbour discovery: for this wait, nobody then tells the kernel where the machine is. Absent where nobody does.
   */
  readonly leaveNeighbours?: () => void;
}

/**
 * Finds out when a unikernel's service answers. One instance serves every unikernel with the same `ready` words, so it
 * keeps no state between calls. Its argument (the text behind the colon in `ready=tcp:8080`) is injected as
 * `optionsOf(schema)`.
 */
export interface ReadinessProbe extends MayNeedRoot {
  /**
   * The TCP port that it asks at each address of the unikernel: what accepts connections there before a process is
   * started is another program, and the summon fails. Absent where it asks otherwise.
   */
  readonly port?: number;

  /**
   * Called for each unikernel that has the probe, when all are registered and none is booted: what it allows the
   * {@link Spawner} to do for this probe, by the unikernel's name. Present where it runs commands.
   */
  allow?(target: ReadinessTarget): void;

  /**
   * Resolves as soon as the service answers; rejects with the signal's reason when that aborts first. Called for a summon,
   * and with `watch` also for a unikernel that is ready.
   */
  untilReady(target: ReadinessTarget, signal: AbortSignal): Promise<void>;
}
