import { CommonPlans, SharedPlan, type CommonPlan } from './common-plans.js';
import type { Settings, UnikernelSettings } from '../config/settings.js';
import { ConfigProblems, type ConfigProblem } from '../config/config-problems.js';
import { nearestWord } from '../config/expectation.js';
import { stopModeProblem } from '../config/stop.js';
import type { Machine, MachineId } from '../contracts/machine.js';
import type { StateStore, StoredCounters, StoredRegistration } from '../contracts/state-store.js';
import type { NameTable } from '../dns/resolvers/name-table.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import type { Instances } from './instances.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';
import type { Machines } from '../lifecycle/power-follower.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import { UnikernelRecord, type Unikernel } from '../lifecycle/unikernel.js';
import { TextIndex } from '../collections/text-index.js';

/** The number of registrations that a backend is asked for concurrently. */
const AT_ONCE = 256;

/** The number of registrations per write to the store. */
const SAVED_AT_ONCE = 10_000;

/** The number of unikernels whose names are compared with a name that nobody has. */
const COMPARED = 1_000;

/** All backends by connection name, and all unikernels by their names. */
export class Fleet {
  readonly backends: ReadonlyMap<string, GuardedBackend>;
  readonly unikernels = new TextIndex<Unikernel>();
  /** By connection name, then by machine id. */
  readonly #machines = new Map<string, TextIndex<Unikernel>>();
  /** Finds unikernels by DNS names. */
  #names: Pick<NameTable<Unikernel>, 'find'> | undefined;
  readonly #plans = new CommonPlans((settings) => this.#commonPlan(settings));
  readonly #source: string;
  /** The settings of the unikernels that are not registered yet. */
  #settings: readonly UnikernelSettings[];

  /** Makes the backends without connecting them. @throws JITSU_CONFIG_INVALID for a stop mode that its backend lacks */
  constructor(
    settings: Settings,
    private readonly instances: Instances,
  ) {
    this.#source = settings.file ?? 'The command line';
    this.#settings = settings.unikernels;
    this.backends = new Map(settings.connections.map((connection) => [connection.name, instances.backend(connection)]));
    const problems: ConfigProblem[] = [];
    for (const unikernel of settings.unikernels) {
      const problem = this.#unsupportedMode(unikernel);
      if (problem) problems.push(problem);
    }
    this.#refuse(problems);
  }

  /** The unikernels of one connection, by machine id. */
  on(connection: string): Machines {
    return this.#machines.get(connection) ?? new TextIndex<Unikernel>();
  }

  /** Uses this table to find unikernels by DNS name, too; a second table of a million names would waste memory. */
  knowBy(names: Pick<NameTable<Unikernel>, 'find'>): void {
    this.#names = names;
  }

  /** Finds a unikernel by its name, one of its DNS names, or its id. @throws JITSU_UNIKERNEL_UNKNOWN */
  find(name: string): Unikernel {
    const wanted = name.toLowerCase().replace(/\.$/, '');
    const unikernel = this.unikernels.get(name) ?? this.#byDnsName(wanted) ?? this.#find(wanted);
    if (unikernel) return unikernel;
    const meant = nearestWord(name, this.#someNames());
    const question = meant === undefined ? '' : ` Did you mean '${meant}'?`;
    const message = `No unikernel is called ${name}.${question} \`jitsu status\` lists them all.`;
    throw new JitsuError('JITSU_UNIKERNEL_UNKNOWN', message);
  }

  /** The names and DNS names of the first unikernels: to compare with those of a million would delay DNS responses. */
  *#someNames(): Iterable<string> {
    let count = 0;
    for (const { name, plan } of this.unikernels.values()) {
      if (++count > COMPARED) return;
      yield name;
      yield* plan.names;
    }
  }

  /**
   * Registers every unikernel with its backend.
   * @throws JITSU_CONFIG_INVALID with every objection of the backends and the boot configurators
   */
  async register(): Promise<void> {
    const problems: ConfigProblem[] = [];
    // Each is released when it is registered: the settings take most of a start's memory, and are not needed later.
    const waiting = this.#settings.toReversed();
    this.#settings = [];
    while (waiting.length > 0) {
      const batch = waiting.splice(-AT_ONCE).reverse();
      const machines = await Promise.allSettled(batch.map((unikernel) => this.#register(unikernel)));
      const checked = batch.some((unikernel) => this.#hasBootConfigurators(unikernel))
        ? await Promise.allSettled(batch.map((unikernel) => this.#checkBoot(unikernel)))
        : [];
      for (let index = 0; index < batch.length; index += 1) {
        const unikernel = batch[index] as UnikernelSettings;
        const machine = machines[index] as PromiseSettledResult<Machine>;
        if (machine.status === 'fulfilled') {
          const problem = this.#add(unikernel, machine.value);
          if (problem) problems.push(problem);
        } else if (errorCode(machine.reason) === 'JITSU_BACKEND_UNREACHABLE') throw machine.reason;
        else problems.push(objection(unikernel, 'refused by its backend', machine.reason));
        const boot = checked[index];
        if (boot?.status === 'rejected') problems.push(objection(unikernel, 'it could not boot', boot.reason));
      }
      // So that what is written meanwhile, for a process that spawns, does not wait in memory until all are registered.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#refuse(problems);
  }

  /** Restores the counters of an earlier run of Jitsu. */
  recall(counters: readonly StoredCounters[], lifecycle: Lifecycle): void {
    for (const stored of counters) {
      const unikernel = this.unikernels.get(stored.unikernel);
      if (unikernel) lifecycle.recall(unikernel, stored);
    }
  }

  async save(store: StateStore): Promise<void> {
    let batch: StoredRegistration[] = [];
    for (const unikernel of this.unikernels.values()) {
      if (batch.push(registrationOf(unikernel)) < SAVED_AT_ONCE) continue;
      await store.saveRegistrations(batch);
      batch = [];
    }
    await store.saveRegistrations(batch);
  }

  #register({ name, backend, options }: UnikernelSettings): Promise<Machine> {
    return this.#backend(backend).machine({ name, options });
  }

  async #checkBoot({ name, backend, options }: UnikernelSettings): Promise<void> {
    if (!this.#backend(backend).capabilities.bootConfigurators) return;
    for (const configurator of this.instances.bootConfigurators) await configurator.check?.({ name, options });
  }

  #hasBootConfigurators({ backend }: UnikernelSettings): boolean {
    return this.#backend(backend).capabilities.bootConfigurators;
  }

  #add(settings: UnikernelSettings, machine: Machine): ConfigProblem | undefined {
    const { name, names, addresses, backend } = settings;
    const unikernel = new UnikernelRecord(new SharedPlan(name, machine, names, addresses, this.#plans.of(settings)));
    const owner = this.#machinesOf(backend).add(machine.id, unikernel);
    if (owner !== undefined) return sameMachine(name, owner.name);
    this.unikernels.set(name, unikernel);
    return this.#allowProbes(unikernel);
  }

  #allowProbes({ plan }: Unikernel): ConfigProblem | undefined {
    const { name, id, addresses } = plan;
    try {
      for (const probe of plan.probes) {
        probe.allow?.({ name, id, addresses, execution: () => plan.machine.execution() });
      }
      return undefined;
    } catch (error) {
      return objection({ name }, 'refused by its readiness probe', error);
    }
  }

  #machinesOf(connection: string): TextIndex<Unikernel> {
    const known = this.#machines.get(connection);
    if (known !== undefined) return known;
    const machines = new TextIndex<Unikernel>();
    this.#machines.set(connection, machines);
    return machines;
  }

  #commonPlan(settings: UnikernelSettings): CommonPlan {
    const { backend, ttl, stopMode, delay, deadline, grace, ready, stopPolicies, https, svcb } = settings;
    return {
      ...{ ttl, stopMode, delay, deadline, grace, https, svcb },
      backend: this.#backend(backend),
      probes: ready.map((probe) => this.instances.probe(probe)),
      stopPolicies: stopPolicies.map((policy) => this.instances.stopPolicy(policy)),
    };
  }

  /** The first unikernel with this name; a name that only a wildcard covers does not count. */
  #byDnsName(dnsName: string): Unikernel | undefined {
    const match = this.#names?.find(dnsName);
    return match?.kind === 'entries' && match.name === dnsName ? match.entries[0] : undefined;
  }

  #find(id: MachineId): Unikernel | undefined {
    for (const machines of this.#machines.values()) {
      const unikernel = machines.get(id);
      if (unikernel !== undefined) return unikernel;
    }
    return undefined;
  }

  #unsupportedMode({ name, backend, stopMode }: UnikernelSettings): ConfigProblem | undefined {
    const { stopModes } = this.#backend(backend).capabilities;
    if (stopModes.includes(stopMode)) return undefined;
    return stopModeProblem(`the stop mode of ${name}`, stopMode, backend, stopModes);
  }

  #refuse(problems: readonly ConfigProblem[]): void {
    if (problems.length > 0) throw new ConfigProblems(this.#source, problems);
  }

  #backend(name: string): GuardedBackend {
    return this.backends.get(name) as GuardedBackend;
  }
}

/** The counters in the form of the state store. */
export function countersOf({ name, startedAt, totalStarts, counters }: Unikernel): StoredCounters {
  const names = [...counters.values()].map(({ name, requests, lastAsked }) => ({
    ...{ name, requests },
    ...(lastAsked !== undefined && { lastAsked }),
  }));
  return { unikernel: name, totalStarts, names, ...(startedAt !== undefined && { startedAt }) };
}

function registrationOf({ plan }: Unikernel): StoredRegistration {
  const { name, id, backendName, names, addresses, ttl, stopMode } = plan;
  return { unikernel: name, backend: backendName, ...{ id, names, addresses, ttl, stopMode } };
}

/** Two unikernels with one machine: each would stop the machine that the other has started. */
function sameMachine(name: string, owner: string): ConfigProblem {
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
