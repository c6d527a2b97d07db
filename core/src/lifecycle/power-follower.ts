import { setImmediate } from 'node:timers/promises';
import type { MachineDescription, MachineId } from '../contracts/machine.js';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorMessage } from '../errors.js';
import type { GuardedBackend } from './guarded-backend.js';
import type { LifeReports } from './life-reports.js';
import type { Unikernel } from './unikernel.js';

/** The interval at which a backend that cannot be watched is asked about machines that are not known to be down. */
const POLL: Milliseconds = 1_000;

/** The number of looks at the start after which the event loop gets a turn. */
const AT_ONCE = 1_000;

/** The unikernels of one connection, by machine id. */
export interface Machines {
  get(id: MachineId): Unikernel | undefined;
  values(): Iterable<Unikernel>;
}

/**
 * Keeps the known states of one backend's machines up to date, whatever changes them.
 *
 * A reported change is only a reason to look: it may be older than what Jitsu has done since.
 */
export class PowerFollower implements Disposable {
  /** The polled unikernels: those of a backend that cannot be watched, unless they are known to be down. */
  readonly #awake = new Set<Unikernel>();
  /** The unikernels that are being looked at; `true`: another look follows. */
  readonly #looking = new Map<Unikernel, boolean>();
  #watch: Disposable | undefined;
  #poll: Disposable | undefined;
  #disposed = false;
  /** One function for all looks: a start looks at a million machines. */
  readonly #learn = (description: MachineDescription, unikernel: Unikernel): void => {
    if (!this.#disposed) this.life.on(unikernel, 'learnt', description);
  };

  constructor(
    private readonly backend: GuardedBackend,
    private readonly life: Pick<LifeReports, 'on'>,
    private readonly clock: Clock,
  ) {}

  /** Starts to follow, and looks at each machine. */
  async follow(unikernels: Machines): Promise<void> {
    this.#watch = this.backend.watch(({ id, state }) => {
      const unikernel = unikernels.get(id);
      if (!unikernel) return;
      if (state !== 'running') this.life.on(unikernel, 'changed');
      void this.look(unikernel);
    });
    let looks = 0;
    for (const unikernel of unikernels.values()) {
      await this.look(unikernel);
      // A backend that answers from memory would otherwise block the event loop for a million looks.
      if (++looks % AT_ONCE === 0) await setImmediate();
    }
    if (!this.#watch) this.#pollLater();
  }

  /** Polls a unikernel that may be up, where the backend cannot be watched. */
  attend(unikernel: Unikernel): void {
    if (!this.#watch && !isDown(unikernel)) this.#awake.add(unikernel);
  }

  /** It is no unikernel of this Jitsu any more. */
  forget(unikernel: Unikernel): void {
    this.#awake.delete(unikernel);
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
      void Promise.all([...this.#awake].map((unikernel) => this.look(unikernel))).then(() => this.#pollLater());
    });
  }

  /** Looks at one machine. Never rejects: a backend that cannot be asked makes the state `unknown`. */
  async look(unikernel: Unikernel): Promise<void> {
    const again = this.#looking.has(unikernel);
    this.#looking.set(unikernel, again);
    if (again) return;
    try {
      await look(unikernel, this.#learn);
    } catch (error) {
      this.#learn({ state: 'unknown', detail: errorMessage(error) }, unikernel);
    }
    if (this.#disposed) return;
    const changedMeanwhile = this.#looking.get(unikernel);
    this.#looking.delete(unikernel);
    if (changedMeanwhile) return this.look(unikernel);
  }
}

/**
 * Asks a machine for its description. It is asked again where the answer contradicts newer knowledge from elsewhere:
 * not every backend answers in the order of the requests. Rejects as the backend does.
 */
export async function look(
  unikernel: Unikernel,
  learn: (description: MachineDescription, unikernel: Unikernel) => void,
): Promise<void> {
  const { machine } = unikernel.plan;
  for (;;) {
    const { learnt } = unikernel;
    const description = await machine.describe();
    if (unikernel.learnt !== learnt && description.state !== unikernel.state) continue;
    learn(description, unikernel);
    return;
  }
}

function isDown({ state }: Unikernel): boolean {
  return state === 'off' || state === 'suspended';
}
