import type { ProgramSignal } from '../contracts/spawner.js';
import { startTimeOf } from './process-stat.js';
import { sendSignal } from './send-signal.js';

/** The bounds of the time between two looks at a group whose first process has ended, in milliseconds. */
const FIRST_LOOK = 100;
const SLOWEST_LOOK = 10_000;

interface SpawnedGroup {
  readonly key: string | undefined;
  /** When its first process started, as proc_pid_stat(5) has it, for one that is no child of this process. */
  readonly startTime: string | undefined;
  /** Whether its first process is a child that has not ended: its number is not given to another until then. */
  isChild: boolean;
}

/**
 * The process groups that may be signalled: those that were spawned, until no process of theirs is left, and those that
 * an earlier Jitsu has left.
 */
export class SpawnedGroups {
  readonly #groups = new Map<number, SpawnedGroup>();
  readonly #alive = new Map<string, number>();

  /** How many groups of a launch there are. */
  count(key: string): number {
    return this.#alive.get(key) ?? 0;
  }

  add(pid: number, key?: string): void {
    this.#groups.set(pid, { key, startTime: undefined, isChild: true });
    if (key !== undefined) this.#alive.set(key, this.count(key) + 1);
  }

  adopt(pid: number, startTime: string): void {
    this.#groups.set(pid, { key: undefined, startTime, isChild: false });
  }

  /** To be called when the first process of a spawned group has ended. */
  ended(pid: number): void {
    const group = this.#groups.get(pid);
    if (group === undefined) return;
    group.isChild = false;
    this.#forgetEmpty(pid, FIRST_LOOK);
  }

  /** Returns whether there is such a group, as far as it may be signalled. Throws the system's error. */
  signal(pid: number, signal: ProgramSignal): boolean {
    const group = this.#groups.get(pid);
    if (group === undefined) return false;
    const startTime = group.isChild ? undefined : startTimeOf(pid);
    // Where there is a process with that number again, the group is one of strangers.
    if (startTime !== undefined && startTime !== group.startTime) this.#forget(pid);
    else if (sendSignal(-pid, signal)) return true;
    else this.#forget(pid);
    return false;
  }

  /** A number may be given to strangers as soon as nobody is left in the group. */
  #forgetEmpty(pid: number, delay: number): void {
    if (!this.#groups.has(pid)) return;
    if (startTimeOf(pid) !== undefined || !sendSignal(-pid, 0)) return this.#forget(pid);
    setTimeout(() => this.#forgetEmpty(pid, Math.min(2 * delay, SLOWEST_LOOK)), delay).unref();
  }

  #forget(pid: number): void {
    const key = this.#groups.get(pid)?.key;
    this.#groups.delete(pid);
    if (key === undefined) return;
    const count = this.count(key) - 1;
    if (count > 0) this.#alive.set(key, count);
    else this.#alive.delete(key);
  }
}
