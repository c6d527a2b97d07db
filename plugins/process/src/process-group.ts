import {
  sendSignal,
  type Clock,
  type Exit,
  type LiveChild,
  type Milliseconds,
  type MachineId,
  type OutdatedDefinition,
  type ProcessEnds,
  type ProgramSignal,
  type Spawner,
} from '@jitsud/core/plugin';
import type { MachineRecord } from './machine-records.js';
import type { ProcessTable } from './process-table.js';

/** The longest interval at which the rest of a group is looked for after its first process has ended. */
const SLOWEST_LOOK: Milliseconds = 50;

/**
 * A running unikernel: a process that leads a group and a session of its own, and all its descendants in that group. It
 * has ended when no process of the group is left.
 */
export class ProcessGroup {
  /** Resolves when no process of the group is left. */
  readonly ended: Promise<Exit>;
  /** Whether descendants that outlive the first process may end by themselves; otherwise they are killed. */
  gentle = false;
  hasEnded = false;
  /** Whether its unikernel is registered. */
  registered = false;
  /** What has changed in the definition of its unikernel since it was started. */
  outdated: OutdatedDefinition | undefined;
  #resolve: (exit: Exit) => void = () => undefined;
  #leaderEnded = false;
  #released = false;
  #endWatch: Disposable | undefined;

  /**
   * @param child present where the spawner reports its end; otherwise {@link check} notices it
   * @param onLeaderEnd called when its first process has ended, where it is not known yet that all of them have
   */
  constructor(
    readonly id: MachineId,
    readonly record: MachineRecord,
    private readonly table: ProcessTable,
    private readonly clock: Clock,
    private readonly spawner: Pick<Spawner, 'signal'>,
    private readonly child?: LiveChild,
    private readonly onLeaderEnd: () => void = () => undefined,
  ) {
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    void child?.exited.then((exit) => this.#endWith(exit));
  }

  /** Its end is of no interest any more. */
  release(): void {
    this.#released = true;
    this.#endWatch?.[Symbol.dispose]();
  }

  get released(): boolean {
    return this.#released;
  }

  /** Has the system tell its end, which comes sooner than by the spawner, and which that does not tell of others. */
  watchEnd(ends: ProcessEnds): void {
    if (!this.needsWatch) return;
    this.#endWatch = ends.watch(this.pid, () => this.#endSeen());
    // The number may have passed to another process just before. Where no look is possible, the sweep makes it later.
    try {
      this.look();
    } catch {
      return;
    }
  }

  /** Whether the system does not tell its end yet. */
  get needsWatch(): boolean {
    return !this.#leaderEnded && this.#endWatch === undefined;
  }

  get pid(): number {
    return this.record.pid;
  }

  /** Its state in the system at this moment. */
  look(): 'running' | 'suspended' | 'stopping' {
    if (!this.#leaderEnded) {
      const entry = this.table.look(this.pid);
      if (entry?.startTime === this.record.startTime && entry.state !== 'dead') {
        return entry.state === 'stopped' ? 'suspended' : 'running';
      }
      if (!this.isTold) this.#endWith({});
    }
    return 'stopping';
  }

  /** A cheap look, for a process whose end is not reported: whether its pid is in use at all. */
  check(): void {
    if (!this.isTold && !this.#leaderEnded && !sendSignal(this.pid, 0)) this.#endWith({});
  }

  /** Sends a signal to all processes of the group. */
  async signal(signal: ProgramSignal): Promise<void> {
    if (!this.hasEnded && !this.#isPidReused()) await this.spawner.signal(this.pid, signal);
  }

  /** Whether the spawner reports its end. */
  get isTold(): boolean {
    return this.child?.told ?? false;
  }

  /** The spawner tells more of it, but later. */
  #endSeen(): void {
    if (!this.isTold) return this.#endWith({});
    if (!this.#leaderEnded && !this.released) this.onLeaderEnd();
  }

  #endWith(exit: Exit): void {
    if (this.#leaderEnded) return;
    this.#leaderEnded = true;
    this.#endWatch?.[Symbol.dispose]();
    if (!this.released && this.#hasMembers(1)) this.onLeaderEnd();
    void this.#untilEmpty().then(() => {
      this.hasEnded = true;
      this.#resolve(exit);
    });
  }

  async #untilEmpty(): Promise<void> {
    for (let looks = 1; !this.released && this.#hasMembers(looks); looks += 1) {
      // A member that may not be signalled ends by itself, or is there for good.
      if (!this.gentle) await this.signal('SIGKILL').catch(() => undefined);
      await this.clock.sleep(Math.min(looks, SLOWEST_LOOK));
    }
  }

  /**
   * Whether the group has living members. Uncollected zombies keep a group, too: at intervals, each process is looked
   * at.
   */
  #hasMembers(looks: number): boolean {
    try {
      if (this.#isPidReused() || !sendSignal(-this.pid, 0)) return false;
      if (looks % 16 !== 0) return true;
      return this.table.all().some(({ group, state }) => group === this.pid && state !== 'dead');
    } catch {
      // The system does not let us look now (no descriptor is free): that says nothing of the group.
      return true;
    }
  }

  /** Whether the pid belongs to another process now; impossible while a process of our group is left. */
  #isPidReused(): boolean {
    const entry = this.table.look(this.pid);
    return entry !== undefined && entry.startTime !== this.record.startTime;
  }
}
