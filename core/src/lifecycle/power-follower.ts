import { setImmediate } from 'node:timers/promises';
import type { MachineDescription, MachineId, PowerState } from '../contracts/machine.js';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorMessage, JitsuError } from '../errors.js';
import type { Announcer } from './announcer.js';
import { died } from './boot.js';
import type { GuardedBackend } from './guarded-backend.js';
import { look } from './look.js';
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

/**
 * Keeps what we know of one backend's machines in step with the truth, whoever changes it.
 *
 * A change that the backend tells is only a reason to look: what it says may be older than what we have done since.
 */
export class PowerFollower implements Disposable {
  /** Of a backend that cannot be watched: those that are not known to be down. */
  readonly #awake = new Set<Unikernel>();
  /** Whose state is being asked for; `true`: once more after that. */
  readonly #looking = new Map<Unikernel, boolean>();
  #watch: Disposable | undefined;
  #poll: Disposable | undefined;
  #disposed = false;

  /** `onUp` is told of each unikernel that is found running, so that it is reaped in time. */
  constructor(
    private readonly backend: Pick<GuardedBackend, 'watch'>,
    private readonly announcer: Announcer,
    private readonly clock: Clock,
    private readonly onUp: (unikernel: Unikernel) => void,
  ) {}

  /** Begins to follow, and adopts what runs already, each with a whole fresh period of grace. */
  async follow(unikernels: Machines): Promise<void> {
    this.#watch = this.backend.watch(({ id, state }) => {
      const unikernel = unikernels.get(id);
      if (!unikernel) return;
      // Answers must not outlive the machine, not even for the time that a look takes.
      if (state !== 'running') unikernel.ready = false;
      void this.#look(unikernel);
    });
    let looks = 0;
    for (const unikernel of unikernels.values()) {
      await this.#look(unikernel);
      this.attend(unikernel);
      // A backend that knows by heart would otherwise keep everybody else from their turn for a million looks.
      if (++looks % AT_ONCE === 0) await setImmediate();
    }
    if (!this.#watch) this.#pollLater();
  }

  /** One that may be up by now: where the backend does not tell, it is asked from time to time. */
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
    const learn = (description: Pick<MachineDescription, 'state' | 'detail'>): void => {
      if (!this.#disposed) this.#learn(unikernel, description);
    };
    await look(unikernel, learn).catch((error: unknown) => learn({ state: 'unknown', detail: errorMessage(error) }));
    if (this.#disposed) return;
    const changedMeanwhile = this.#looking.get(unikernel);
    this.#looking.delete(unikernel);
    if (changedMeanwhile) await this.#look(unikernel);
  }

  #learn(unikernel: Unikernel, description: Pick<MachineDescription, 'state'>): void {
    const before = unikernel.state;
    unikernel.learn(description);
    // What a stop or a summon of ours does is announced by those; here it matters only that a summon does not go on
    // waiting for a machine that is gone.
    if (unikernel.stopping) return;
    if (unikernel.summon) this.#interrupt(unikernel, before);
    else if (before !== unikernel.state) this.#announce(unikernel, before);
  }

  #interrupt(unikernel: Unikernel, before: PowerState): void {
    const { state, summon, name, plan, detail } = unikernel;
    if (!summon?.hasLooked()) return;
    if (state === 'unknown' && before !== 'unknown') {
      const message = `${plan.backendName}, the backend of ${name}, cannot be asked${detail ? `: ${detail}` : '.'}`;
      summon.abort(new JitsuError('JITSU_BACKEND_UNREACHABLE', message));
    } else if (state === 'off' && before === 'running') {
      summon.abort(died(unikernel));
    }
  }

  #announce(unikernel: Unikernel, before: PowerState): void {
    const { state, detail, lost } = unikernel;
    const reason = detail === undefined ? {} : { reason: detail };
    unikernel.lost = state === 'unknown';
    if (state === 'unknown') this.announcer.announce(unikernel, 'lost', reason);
    else if (lost) this.announcer.announce(unikernel, 'returned', reason);
    else if (state === 'running') this.announcer.announce(unikernel, 'adopted', reason);
    else if (before === 'running') this.announcer.announce(unikernel, state === 'off' ? 'died' : 'stopped', reason);

    if (state === 'running') {
      // Somebody else has started it: a start of it all the same. One that ran before we looked is none.
      if (before !== 'unknown' && before !== 'stopping') unikernel.started(this.clock.now());
      // Its clients may have learnt its address long ago: it gets as much time as if it had just been asked for.
      unikernel.since = this.clock.now();
      this.onUp(unikernel);
    }
  }
}

function isDown({ state }: Unikernel): boolean {
  return state === 'off' || state === 'suspended';
}
