import type { Clock, Milliseconds } from '@jitsud/core/plugin';
import type { ProcessMachine } from './process-machine.js';

/** How often it is checked that each process is there: one cheap system call each. */
const INTERVAL: Milliseconds = 80;

/** How many of them are also looked at closely each time, in turn: that costs some ten times as much. */
const CLOSE_LOOKS = 8;

/**
 * Notices what nobody tells us: that a process which is not our child has ended, or that somebody else has stopped or
 * continued one.
 */
export class MachineSweep implements Disposable {
  #timer: Disposable;
  #turn: Iterator<ProcessMachine, undefined> | undefined;

  /** `onLook` is called after each close look, with what was seen. */
  constructor(
    private readonly machines: ReadonlyMap<string, ProcessMachine>,
    private readonly clock: Clock,
    private readonly onLook: (machine: ProcessMachine, state: ReturnType<ProcessMachine['look']>) => void,
  ) {
    this.#timer = this.#later();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #later(): Disposable {
    return this.clock.after(INTERVAL, () => {
      for (const machine of this.machines.values()) machine.check();
      this.#lookClosely();
      this.#timer = this.#later();
    });
  }

  #lookClosely(): void {
    for (let looks = Math.min(CLOSE_LOOKS, this.machines.size); looks > 0; looks -= 1) {
      this.#turn ??= this.machines.values();
      const next = this.#turn.next();
      if (next.done) this.#turn = undefined;
      else this.onLook(next.value, next.value.look());
    }
  }
}
