import { setImmediate } from 'node:timers/promises';
import type { MachineDescription, MachineId } from '../contracts/machine.js';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorMessage } from '../errors.js';
import type { GuardedBackend } from './guarded-backend.js';
import type { Unikernel } from './unikernel.js';

/** How often a backend that cannot be watched is asked about the machines that are not known to be down. */
const POLL: Milliseconds = 1_000;

/** How many looks are taken in a row at the start. */
const AT_ONCE = 1_000;

/** The unikernels of one connection by the ids of their machines. */
export interface Machines {
  get(id: MachineId): Unikernel | undefined;
  values(): Iterable<Unikernel>;
}

/** What is told of machines. */
export interface PowerListener {
  /** The backend tells of a change that may be in the past. */
  doubt(unikernel: Unikernel): void;
  learn(unikernel: Unikernel, description: MachineDescription): void;
}

/**
 * Keeps what we know of one backend's machines in step with the truth, whoever changes it.
 *
 * A change that the backend tells is only a reason to look: what it says may be older than what we have done since.
 */
export class PowerFollower implements Disposable {
  /** The unikernels that are polled: those of a backend that cannot be watched, unless they are known to be down. */
  readonly #awake = new Set<Unikernel>();
  /** The unikernels whose state is being asked for; `true`: it is asked for once more after that. */
  readonly #looking = new Map<Unikernel, boolean>();
  #watch: Disposable | undefined;
  #poll: Disposable | undefined;
  #disposed = false;

  constructor(
    private readonly backend: GuardedBackend,
    private readonly listener: PowerListener,
    private readonly clock: Clock,
  ) {}

  /** Begins to follow, and finds out how each machine is. */
  async follow(unikernels: Machines): Promise<void> {
    this.#watch = this.backend.watch(({ id, state }) => {
      const unikernel = unikernels.get(id);
      if (!unikernel) return;
      if (state !== 'running') this.listener.doubt(unikernel);
      void this.#look(unikernel);
    });
    let looks = 0;
    for (const unikernel of unikernels.values()) {
      await this.#look(unikernel);
      this.attend(unikernel);
      // A backend that answers from memory would otherwise block the event loop for a million looks.
      if (++looks % AT_ONCE === 0) await setImmediate();
    }
    if (!this.#watch) this.#pollLater();
  }

  /** Polls a unikernel that may be up by now, where the backend cannot be watched. */
  attend(unikernel: Unikernel): void {
    if (!this.#watch && !isDown(unikernel)) this.#awake.add(unikernel);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#watch?.[Symbol.dispose]();
    this.#poll?.[Symbol.dispose]();
  }

  #pollLater(): void {
    if (this.#disposed) return;
    this.#poll = this.clock.after(POLL, () => {
      for (const unikernel of this.#awake) if (isDown(unikernel)) this.#awake.delete(unikernel);
      void Promise.all([...this.#awake].map((unikernel) => this.#look(unikernel))).then(() => this.#pollLater());
    });
  }

  /** Never rejects: a backend that cannot be asked is a fact about the unikernel, too. */
  async #look(unikernel: Unikernel): Promise<void> {
    const again = this.#looking.has(unikernel);
    this.#looking.set(unikernel, again);
    if (again) return;
    const learn = (description: MachineDescription): void => {
      if (!this.#disposed) this.listener.learn(unikernel, description);
    };
    await look(unikernel, learn).catch((error: unknown) => learn({ state: 'unknown', detail: errorMessage(error) }));
    if (this.#disposed) return;
    const changedMeanwhile = this.#looking.get(unikernel);
    this.#looking.delete(unikernel);
    if (changedMeanwhile) await this.#look(unikernel);
  }
}

/**
 * Asks a machine how it is. It is asked anew where what it says contradicts what somebody else has learnt meanwhile,
 * which may be newer: not every backend answers in the order of the questions. Rejects as the backend does.
 */
export async function look(unikernel: Unikernel, learn: (description: MachineDescription) => void): Promise<void> {
  const { machine } = unikernel.plan;
  for (;;) {
    const { learnt } = unikernel;
    const description = await machine.describe();
    if (unikernel.learnt !== learnt && description.state !== unikernel.state) continue;
    learn(description);
    return;
  }
}

function isDown({ state }: Unikernel): boolean {
  return state === 'off' || state === 'suspended';
}
