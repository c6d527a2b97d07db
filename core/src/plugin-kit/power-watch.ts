import type { PowerChange } from '../contracts/backend.js';
import type { MachineId } from '../contracts/machine.js';

/** What a backend needs for its `watch`: hands the changes of its machines to the core. */
export class PowerWatch {
  #listener: ((change: PowerChange) => void) | undefined;

  /** The implementation of `Backend.watch`. */
  watch(listener: (change: PowerChange) => void): Disposable {
    this.#listener = listener;
    return {
      [Symbol.dispose]: () => {
        if (this.#listener === listener) this.#listener = undefined;
      },
    };
  }

  tell(change: PowerChange): void {
    this.#listener?.(change);
  }

  /** The connection was lost: the machines are in an unknown state until they are told of again. */
  tellUnknown(ids: Iterable<MachineId>, detail: string): void {
    for (const id of ids) this.tell({ id, state: 'unknown', detail });
  }
}
