import type { ConfigProblem } from '../config/config-problems.js';
import type { ConnectionSettings, Settings, UnikernelSettings } from '../config/settings.js';
import type { TextIndex } from '../collections/text-index.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Machine } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';
import { UnikernelRecord, type Failure, type Unikernel } from '../lifecycle/unikernel.js';
import { AT_ONCE, BackendStart, mayPass, type StartingFleet } from './backend-start.js';
import type { Instances } from './instances.js';
import type { Plans } from './plans.js';
import { settledWithin } from './settled-within.js';

/** How long a start waits for backends that take their time. What they are asked goes on, and the rest is answered. */
export const PATIENCE: Milliseconds = 2_000;

/**
 * How long it waits, where root is about to be given up, for what cannot be done later: what needs root is handed over, or
 * allowed to the process that keeps it.
 */
const PATIENCE_FOR_ROOT: Milliseconds = 60_000;

/**
 * The codes of failures that will not pass, and are not a mistake of the configuration either: a start goes on without
 * these unikernels where another backend works.
 */
const LASTING: ReadonlySet<string | undefined> = new Set([
  'JITSU_BACKEND_DENIED',
  'JITSU_BACKEND_FAILED',
  'JITSU_UNIKERNEL_UNKNOWN',
]);

/** What a fleet needs besides its settings. */
export interface FleetContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Carries out what connects a backend, as the user who may. */
  readonly connect: (open: () => Promise<void>, needsRoot: string | undefined) => Promise<void>;
  /** Whether root is given up at the end of the start. */
  readonly givesUpRoot: () => boolean;
  /** The machine of this unikernel cannot be had for now. */
  readonly withhold: (unikernel: Unikernel, failure: Failure) => void;
  /** The machines of these unikernels have been handed out after the start. */
  readonly arrived: (backend: GuardedBackend, unikernels: readonly Unikernel[]) => Promise<void>;
}

/** What a backend says at the start of one unikernel's machine. */
interface Refusal {
  readonly connection: string;
  readonly problem: ConfigProblem;
}

/** The backends of a fleet, and its unikernels, to which its start adds. */
interface StartedFleet {
  readonly backends: ReadonlyMap<string, GuardedBackend>;
  readonly unikernels: TextIndex<Unikernel>;
  /** Those of one connection, by machine id. */
  on(connection: string): TextIndex<Unikernel>;
}

/**
 * The start of a fleet: connects all backends, and registers all unikernels with them. What is not there yet is tried again
 * by the start of its backend.
 */
export class FleetStart {
  /** By connection name. */
  readonly backends: ReadonlyMap<string, BackendStart>;
  #settings: readonly UnikernelSettings[];

  /** @param refuse throws where there is a problem */
  constructor(
    settings: Pick<Settings, 'connections' | 'unikernels'>,
    private readonly fleet: StartedFleet,
    private readonly plans: Plans,
    private readonly instances: Pick<Instances, 'bootConfigurators'>,
    private readonly context: FleetContext,
    private readonly refuse: (problems: readonly ConfigProblem[]) => void,
  ) {
    this.#settings = settings.unikernels;
    this.backends = new Map(
      settings.connections.map(({ name, contribution }) => [name, this.#startOf(name, contribution)]),
    );
  }

  /** The settings of the unikernels that are not registered yet. */
  get unregistered(): readonly UnikernelSettings[] {
    return this.#settings;
  }

  /**
   * Connects all backends at once. Those that cannot be reached, or take their time, are tried again later.
   * @throws the reason of a backend that will not work, where no other one does
   */
  async connect(): Promise<void> {
    const starts = [...this.backends.values()];
    const asked = await this.#connectAsUser(starts);
    const outcomes = await this.#settled(
      starts,
      starts.map((start) => asked.get(start) ?? start.connect()),
    );
    for (const [index, start] of starts.entries()) start.isSlow = outcomes[index] === undefined;
    if (!starts.some(({ isConnected, isSlow }) => isConnected || isSlow)) this.#refuseLasting([]);
  }

  /**
   * Registers every unikernel with its backend. One whose machine cannot be had for now is listed all the same.
   * @throws JITSU_CONFIG_INVALID with every objection of the backends and the boot configurators
   * @throws the reason of a backend that will not work, where no other one does
   */
  async register(): Promise<void> {
    const problems: ConfigProblem[] = [];
    const refusals: Refusal[] = [];
    // Each is released when it is registered: the settings take most of a start's memory, and are not needed later.
    const waiting = this.#settings.toReversed();
    this.#settings = [];
    while (waiting.length > 0) {
      const batch = waiting.splice(-AT_ONCE).reverse();
      const { asked, outcomes } = await this.#machinesWithin(batch);
      const checked = batch.some((unikernel) => this.#hasBootConfigurators(unikernel))
        ? await Promise.allSettled(batch.map((unikernel) => this.#checkBoot(unikernel)))
        : [];
      for (let index = 0; index < batch.length; index += 1) {
        const unikernel = batch[index] as UnikernelSettings;
        const machine = outcomes[index];
        const boot = checked[index];
        if (boot?.status === 'rejected') problems.push(objection(unikernel, 'it could not boot', boot.reason));
        if (machine?.status === 'fulfilled') {
          const problem = this.#add(unikernel, machine.value);
          if (problem) problems.push(problem);
          this.#start(unikernel.backend).works = true;
          continue;
        }
        const error: unknown = machine?.reason;
        const code = errorCode(error);
        if (machine === undefined || mayPass(error) || LASTING.has(code))
          this.#expect(unikernel, error, machine === undefined ? asked[index] : undefined);
        if (machine === undefined || mayPass(error)) continue;
        const problem = objection(unikernel, 'refused by its backend', error);
        if (LASTING.has(code)) refusals.push({ connection: unikernel.backend, problem });
        else problems.push(problem);
      }
      // So that what is written meanwhile, for a process that spawns, does not wait in memory until all are registered.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (problems.length === 0 && this.context.givesUpRoot()) {
      for (const start of this.backends.values()) {
        for (const { name, error } of await start.allowExpected(PATIENCE_FOR_ROOT)) {
          problems.push(objection({ name }, 'refused by its backend', error));
        }
      }
    }
    this.refuse(problems);
    this.#refuseLasting(refusals);
  }

  /**
   * Connects those that the user of Jitsu has to reach without root, one after the other: the whole process acts as that
   * user meanwhile, so nothing else may run.
   */
  async #connectAsUser(starts: readonly BackendStart[]): Promise<ReadonlyMap<BackendStart, Promise<void>>> {
    const asked = new Map<BackendStart, Promise<void>>();
    for (const start of starts) {
      const { name, needsRoot } = start.backend;
      if (needsRoot === undefined || !this.context.givesUpRoot()) continue;
      const attempt = start.connect();
      const [outcome] = await settledWithin([attempt], PATIENCE_FOR_ROOT, this.context.clock);
      if (outcome === undefined) {
        const message = `The backend ${name} has not answered for ${PATIENCE_FOR_ROOT / 1_000} s, and Jitsu cannot do anything else while it asks as the user that it becomes.`;
        throw new JitsuError('JITSU_BACKEND_UNREACHABLE', message);
      }
      asked.set(start, attempt);
    }
    return asked;
  }

  /** Finds or defines the machine of a unikernel. @throws the objection of its backend or of a boot configurator */
  async machineOf(settings: UnikernelSettings): Promise<Machine> {
    const machine = await this.#register(settings);
    if (this.#hasBootConfigurators(settings)) await this.#checkBoot(settings);
    return machine;
  }

  #startOf(name: string, { findsAddresses }: ConnectionSettings['contribution']): BackendStart {
    const backend = this.#backend(name);
    const { context } = this;
    const fleet: StartingFleet = {
      withhold: (unikernel, failure) => context.withhold(unikernel, failure),
      arrived: (backend, unikernels) => context.arrived(backend, unikernels),
      machineOf: (settings) => this.machineOf(settings),
      allow: async ({ options }, { name, addresses, probes }) => {
        const execution = await backend.allow({ name, options, addresses });
        for (const probe of probes) probe.allow?.({ name, id: '', addresses, execution: () => execution });
        return execution;
      },
      arrive: (unikernel, plan, machine, allowed) => {
        const machines = this.fleet.on(name);
        const owner = machines.get(machine.id) ?? unikernel;
        // What was left by an earlier configuration may be its own.
        const isTaken = owner !== unikernel && this.fleet.unikernels.get(owner.name) === owner;
        this.refuse(isTaken ? [sameMachine(unikernel.name, owner.name)] : []);
        machines.set(machine.id, unikernel);
        const before = plan.arrive(machine);
        // Commands of probes would run as Jitsu's user, and not as the one that its backend says only now.
        const isAllowed =
          allowed !== undefined && (allowed.execution !== undefined || plan.machine.execution() === undefined);
        try {
          if (!isAllowed) allowCommands(unikernel);
        } catch (error) {
          plan.arrive(before);
          throw error;
        }
      },
    };
    const open = (): Promise<void> => context.connect(() => backend.connect(), backend.needsRoot);
    return new BackendStart(backend, open, findsAddresses ?? false, fleet, context);
  }

  #register({ name, backend, options, addresses }: UnikernelSettings): Promise<Machine> {
    return this.#backend(backend).machine({ name, options, addresses });
  }

  /**
   * What the backends were asked, where they are connected, and the outcomes: `undefined` for a machine that is not waited
   * for any longer.
   */
  async #machinesWithin(batch: readonly UnikernelSettings[]): Promise<{
    readonly asked: readonly (Promise<Machine> | undefined)[];
    readonly outcomes: readonly (PromiseSettledResult<Machine> | undefined)[];
  }> {
    const starts = batch.map(({ backend }) => this.#start(backend));
    const asked = batch.map((unikernel, index) => {
      const { isConnected, isSlow } = starts[index] as BackendStart;
      return isConnected && !isSlow ? this.#register(unikernel) : undefined;
    });
    const outcomes = await this.#settled(starts, asked);
    for (const [index, start] of starts.entries()) {
      if (start.isConnected && outcomes[index] === undefined) start.isSlow = true;
    }
    return { asked, outcomes };
  }

  /**
   * The outcomes of what each of these backends was asked, where it was asked and takes no longer than it is waited for.
   */
  async #settled<T>(
    starts: readonly BackendStart[],
    asked: readonly (Promise<T> | undefined)[],
  ): Promise<readonly (PromiseSettledResult<T> | undefined)[]> {
    const { clock, givesUpRoot } = this.context;
    const outcomes: (PromiseSettledResult<T> | undefined)[] = asked.map(() => undefined);
    const within = async (limit: Milliseconds, handsOver: boolean): Promise<void> => {
      const indices = [...asked.keys()].filter(
        (index) =>
          asked[index] !== undefined &&
          (givesUpRoot() && (starts[index] as BackendStart).backend.handsOver) === handsOver,
      );
      if (indices.length === 0) return;
      const settled = await settledWithin(
        indices.map((index) => asked[index] as Promise<T>),
        limit,
        clock,
      );
      for (const [place, index] of indices.entries()) outcomes[index] = settled[place];
    };
    await Promise.all([within(PATIENCE, false), within(PATIENCE_FOR_ROOT, true)]);
    return outcomes;
  }

  /** Lists a unikernel whose machine cannot be had for now. */
  #expect(settings: UnikernelSettings, error: unknown, pending: Promise<Machine> | undefined): void {
    const { name, backend } = settings;
    const expected = this.#start(backend).expect(settings, error, pending);
    const plan = this.plans.of(settings, expected.machine);
    const unikernel = new UnikernelRecord(plan);
    this.fleet.unikernels.set(name, unikernel);
    expected.list(unikernel, plan);
  }

  /** Refuses to start where something will not work, and nothing of another backend does. */
  #refuseLasting(refusals: readonly Refusal[]): void {
    const starts = [...this.backends.values()];
    const othersWork = (connection: string): boolean =>
      starts.some(({ backend, works, isSlow }) => backend.name !== connection && (works || isSlow));
    for (const { backend, error } of starts) {
      if (error !== undefined && !mayPass(error) && !othersWork(backend.name)) throw error as Error;
    }
    this.refuse(refusals.filter(({ connection }) => !othersWork(connection)).map(({ problem }) => problem));
  }

  async #checkBoot({ name, backend, options }: UnikernelSettings): Promise<void> {
    if (!this.#backend(backend).capabilities.bootConfigurators) return;
    for (const configurator of this.instances.bootConfigurators) await configurator.check?.({ name, options });
  }

  #hasBootConfigurators({ backend }: UnikernelSettings): boolean {
    return this.#backend(backend).capabilities.bootConfigurators;
  }

  #add(settings: UnikernelSettings, machine: Machine): ConfigProblem | undefined {
    const { name, backend } = settings;
    const unikernel = new UnikernelRecord(this.plans.of(settings, machine));
    const owner = this.fleet.on(backend).add(machine.id, unikernel);
    if (owner !== undefined) return sameMachine(name, owner.name);
    this.fleet.unikernels.set(name, unikernel);
    try {
      allowCommands(unikernel);
      return undefined;
    } catch (error) {
      return objection({ name }, 'a command that is refused', error);
    }
  }

  #start(name: string): BackendStart {
    return this.backends.get(name) as BackendStart;
  }

  #backend(name: string): GuardedBackend {
    return this.fleet.backends.get(name) as GuardedBackend;
  }
}

/** Allows the commands of its probes, and the one by which it is kept. */
export function allowCommands({ plan }: Pick<Unikernel, 'plan'>): void {
  const { name, id, addresses } = plan;
  const target = { name, id, addresses, execution: () => plan.machine.execution() };
  for (const probe of plan.probes) probe.allow?.(target);
  plan.keepWhile?.allow(target);
}

/** Two unikernels with one machine: each would stop the machine that the other has started. */
export function sameMachine(name: string, owner: string): ConfigProblem {
  return {
    path: name,
    given: `the same machine as ${owner}`,
    expected: `One unikernel for one machine; give ${owner} all the names under \`dns\`.`,
    code: 'JITSU_UNIKERNEL_INVALID',
  };
}

function objection({ name }: Pick<UnikernelSettings, 'name'>, given: string, error: unknown): ConfigProblem {
  return { path: name, given, expected: errorMessage(error), code: errorCode(error) ?? '' };
}
