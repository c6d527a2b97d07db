import type { PowerChange } from '../contracts/backend.js';
import type { MachineId, PowerState } from '../contracts/machine.js';
import type { Logger } from '../contracts/logger.js';
import { errorMessage } from '../errors.js';

type Listener = (change: PowerChange) => void;

/** What a backend needs for its method `watch`: tells all who watch of each change of state, once. */
export class PowerWatch {
  readonly #listeners = new Set<Listener>();
  /** Those that are not off. */
  readonly #states = new Map<MachineId, PowerState>();
  readonly #details = new Map<MachineId, string>();

  constructor(private readonly logger: Logger) {}

  watch(listener: Listener): Disposable {
    // One function may watch twice, and each of its watches ends by itself.
    const own: Listener = (change) => listener(change);
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => this.#listeners.delete(own) };
  }

  /** Takes note of a state that is no news. */
  note(id: MachineId, state: PowerState, detail?: string): void {
    if (state === 'off') this.#states.delete(id);
    else this.#states.set(id, state);
    if (detail === undefined) this.#details.delete(id);
    else this.#details.set(id, detail);
  }

  /** Tells a state, unless it is the one that was told or noted last. */
  tell(id: MachineId, state: PowerState, detail?: string): void {
    if ((this.#states.get(id) ?? 'off') === state) return;
    this.note(id, state, detail);
    const change: PowerChange = { id, state, ...(detail === undefined ? {} : { detail }) };
    for (const listener of [...this.#listeners]) {
      if (this.#listeners.has(listener)) this.#callOne(listener, change);
    }
  }

  /** Why it is in the state that was last told. */
  detailOf(id: MachineId): string | undefined {
    return this.#details.get(id);
  }

  #callOne(listener: Listener, change: PowerChange): void {
    try {
      listener(change);
    } catch (error) {
      this.logger.error({ id: change.id, state: change.state }, `Whoever watches failed: ${errorMessage(error)}`);
    }
  }
}
