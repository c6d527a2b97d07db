import type { Clock, Milliseconds } from '@jitsud/core/plugin';
import type { ProcessGroup } from './process-group.js';

/** The time between two looks, as long as there is something to look for. */
const INTERVAL: Milliseconds = 80;

/** How many processes are looked at closely each time, in turn: that costs some ten times as much as a cheap look. */
const CLOSE_LOOKS = 8;

/**
 * Notices what the spawner cannot tell: that a process which is not its child has ended, or that somebody else has
 * stopped or continued one. A timer runs only while there are such processes, or after a child of the spawner has
 * changed its state.
 */
export class MachineSweep implements Disposable {
  #timer: Disposable | undefined;
  #turn: Iterator<ProcessGroup, undefined> | undefined;
  /** How many close looks are left until every machine has been looked at since the last change. */
  #looksLeft = 0;

  /** `onLook` is called after each close look, with what was seen. */
  constructor(
    private readonly groups: ReadonlyMap<string, ProcessGroup>,
    private readonly clock: Clock,
    private readonly onLook: (group: ProcessGroup, state: ReturnType<ProcessGroup['look']>) => void,
  ) {}

  /** A machine was added, or the ends of machines are not told any more. */
  attend(): void {
    if (this.#timer === undefined && this.#isNeeded()) this.#timer = this.clock.after(INTERVAL, () => this.#sweep());
  }

  /** A child of the spawner has stopped, continued or ended, and nobody says which. */
  lookAtAll(): void {
    this.#looksLeft = this.groups.size;
    this.attend();
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #isNeeded(): boolean {
    if (this.#looksLeft > 0) return true;
    for (const group of this.groups.values()) if (!group.isTold) return true;
    return false;
  }

  #sweep(): void {
    this.#timer = undefined;
    for (const group of this.groups.values()) group.check();
    this.#lookClosely();
    this.attend();
  }

  #lookClosely(): void {
    const looks = Math.min(CLOSE_LOOKS, this.groups.size);
    this.#looksLeft = Math.max(0, this.#looksLeft - looks);
    for (let look = 0; look < looks; look += 1) {
      const machine = this.#next();
      if (machine !== undefined) this.onLook(machine, machine.look());
    }
  }

  #next(): ProcessGroup | undefined {
    const next = this.#turn?.next();
    if (next?.done === false) return next.value;
    this.#turn = this.groups.values();
    return this.#turn.next().value;
  }
}
