import type { Settings } from '../config/settings.js';
import type { Stray } from '../contracts/backend.js';
import type { Logger } from '../contracts/logger.js';
import type { StopMode } from '../contracts/machine.js';
import { errorMessage } from '../errors.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import { UnikernelRecord, type Unikernel } from '../lifecycle/unikernel.js';
import type { Fleet } from './fleet.js';

/** Nothing of a summon applies to them. */
const NEVER_SUMMONED = {
  names: [],
  ttl: 0,
  probes: [],
  stopPolicies: [],
  delay: 0,
  deadline: 0,
  findsAddresses: false,
};

/**
 * The machines that an earlier Jitsu has started for unikernels which are not in the configuration any more. They are
 * unikernels without DNS names and without stop policies: shown, followed, and stopped by command, and never by
 * themselves.
 */
export class Strays {
  /** By the name that `jitsu stop` takes. */
  readonly #all = new Map<string, Unikernel>();

  constructor(
    private readonly settings: Pick<Settings, 'connections' | 'usualStop'>,
    private readonly fleet: Pick<Fleet, 'unikernels' | 'on'>,
    private readonly lifecycle: Pick<Lifecycle, 'leave'>,
    private readonly logger: Logger,
  ) {}

  /** Asks a backend, all of whose unikernels are registered that can be, and tells what it has found. Never rejects. */
  async find(backend: GuardedBackend): Promise<void> {
    await this.#tellFailure(backend, async () => {
      for (const stray of await backend.strays()) await this.#add(backend, stray);
    });
  }

  /** Shows what has just been removed from the configuration, where its machine runs on. Never rejects. */
  async release(backend: GuardedBackend, { plan }: Unikernel): Promise<void> {
    for (const [name, stray] of this.#all) if (!this.#isLeft(stray)) this.#all.delete(name);
    const { name, machine, addresses } = plan;
    await this.#tellFailure(backend, () => this.#add(backend, { name, machine, addresses }, 'was removed'));
  }

  /** Those that are not off by now. */
  *values(): Iterable<Unikernel> {
    for (const stray of this.#all.values()) if (this.#isLeft(stray)) yield stray;
  }

  /** By its name or its id. */
  get(name: string): Unikernel | undefined {
    const named = this.#all.get(name);
    if (named !== undefined && this.#isLeft(named)) return named;
    return [...this.values()].find(({ plan }) => plan.id === name.toLowerCase());
  }

  /** A backend that fails may run what cannot be shown. */
  async #tellFailure({ name }: GuardedBackend, look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      this.logger.warn({ backend: name, error }, errorMessage(error));
    }
  }

  /** @param happened what is told of it, before that it runs */
  async #add(
    backend: GuardedBackend,
    { name: former, machine, addresses = [] }: Stray,
    happened = 'was started by an earlier Jitsu',
  ): Promise<void> {
    const { id } = machine;
    const machines = this.fleet.on(backend.name);
    if (machines.has(id)) return;
    const namesake = this.fleet.unikernels.get(former);
    // Its own unikernel is configured still, but its backend cannot hand out its machine for now.
    const isExpected = namesake?.plan.id === '' && namesake.plan.backendName === backend.name;
    const name = (namesake === undefined || isExpected) && !this.#all.has(former) ? former : id;
    const guarded = backend.guard(machine, name);
    const description = await guarded.describe();
    if (description.state === 'off') return;
    const stray = new UnikernelRecord({
      ...NEVER_SUMMONED,
      ...{ name, id, addresses, machine: guarded, backendName: backend.name },
      ...{ stopMode: this.#stopModeOf(backend), grace: this.settings.usualStop.grace },
    });
    machines.set(id, stray);
    this.#all.set(name, stray);
    this.lifecycle.leave(stray, description);
    const { domainId } = description;
    const number = domainId === undefined ? '' : ` as ${domainId}`;
    const whose = name === former ? '' : ` (once ${former})`;
    const why = isExpected ? 'its backend cannot take it over' : 'it is not in the configuration any more';
    this.logger.warn(
      { unikernel: name, backend: backend.name, id },
      `${name}${whose} ${happened} and runs${number}, but ${why}. "jitsu stop ${name}" stops it; nothing else does.`,
    );
  }

  #stopModeOf({ name, capabilities: { stopModes } }: GuardedBackend): StopMode {
    const { mode } = this.settings.usualStop;
    if (mode !== undefined && stopModes.includes(mode)) return mode;
    const connection = this.settings.connections.find((each) => each.name === name);
    return connection?.contribution.defaultStopMode ?? 'destroy';
  }

  /** Whether it is up, and its machine has not been handed out to a unikernel since. */
  #isLeft(stray: Unikernel): boolean {
    return stray.state !== 'off' && this.fleet.on(stray.plan.backendName).get(stray.plan.id) === stray;
  }
}
