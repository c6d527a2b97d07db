import type { Clock, Milliseconds } from '@jitsud/core/plugin';
import type { ProcessGroup } from './process-group.js';

/** The interval between two looks, while there is something to look for. */
const INTERVAL: Milliseconds = 80;

/** The number of processes that get a close look each time, in turn: it costs some ten times as much as a cheap one. */
const CLOSE_LOOKS = 8;

/**
 * Notices what the spawner cannot report: the end of a process that is not its child, and a stop or continuation by
 * others. A timer runs only while there are such processes, or after a child of the spawner has changed its state.
 */
export class MachineSweep implements Disposable {
  #timer: Disposable | undefined;
  #turn: Iterator<ProcessGroup, undefined> | undefined;
  /** The number of close looks until every machine was looked at since the last change. */
  #looksLeft = 0;

  /** @param onLook called after each close look, with the state that was seen */
  constructor(
    private readonly groups: ReadonlyMap<string, ProcessGroup>,
    private readonly clock: Clock,
    private readonly onLook: (group: ProcessGroup, state: ReturnType<ProcessGroup['look']>) => void,
  ) {}

  /** To be called when a machine was added, or the ends of machines are no longer reported. */
  attend(): void {
    if (this.#timer === undefined && this.#isNeeded()) this.#timer = this.clock.after(INTERVAL, () => this.#sweep());
  }

  /** To be called when an unknown child of the spawner has stopped, continued or ended. */
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
      if (machine !== undefined) this.#look(machine);
    }
  }

  #look(machine: ProcessGroup): void {
    let state;
    try {
      state = machine.look();
    } catch {
      // The system does not let us look (no descriptor is free): nothing is known to have changed, and we look again.
      this.#looksLeft += 1;
      return;
    }
    this.onLook(machine, state);
  }

  #next(): ProcessGroup | undefined {
    const next = this.#turn?.next();
    if (next?.done === false) return next.value;
    this.#turn = this.groups.values();
    return this.#turn.next().value;
  }
}
