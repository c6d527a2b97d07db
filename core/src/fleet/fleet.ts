import { TextIndex } from '../collections/text-index.js';
import { ConfigProblems, type ConfigProblem } from '../config/config-problems.js';
import { nearestWord } from '../config/expectation.js';
import type { Settings, UnikernelSettings } from '../config/settings.js';
import { unikernelMemory } from '../config/unikernel-memory.js';
import type { MachineId } from '../contracts/machine.js';
import type { StoredCounters } from '../contracts/state-store.js';
import type { NameTable } from '../dns/resolvers/name-table.js';
import { JitsuError } from '../errors.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import type { Unikernel } from '../lifecycle/unikernel.js';
import type { BackendStart } from './backend-start.js';
import type { SharedPlan } from './common-plans.js';
import { checkBackends, type BackendFinding } from './check-backends.js';
import { FleetStart, type FleetContext } from './fleet-start.js';
import type { Instances } from './instances.js';
import { Plans } from './plans.js';
import { settingsProblems } from './settings-problems.js';
import { sharedEndpoints, type SharedEndpoint } from './shared-endpoints.js';

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
  readonly #start: FleetStart;
  readonly #plans: Plans;
  /** The names of those that need others, or are in a group. */
  readonly #related = new Set<string>();
  readonly #connections: Pick<Settings, 'connections'>;

  /**
   * Makes the backends without connecting them.
   * @param context connects a backend, and hears what becomes of unikernels whose machines are not there at the start
   * @throws JITSU_CONFIG_INVALID for a stop mode that its backend lacks
   */
  constructor(
    settings: Settings,
    private readonly instances: Instances,
    private readonly context: FleetContext,
  ) {
    this.#connections = { connections: settings.connections };
    this.backends = new Map(settings.connections.map((connection) => [connection.name, instances.backend(connection)]));
    const source = settings.file ?? 'The command line';
    const refuse = (problems: readonly ConfigProblem[]): void => {
      if (problems.length > 0) throw new ConfigProblems(source, problems);
    };
    this.#plans = new Plans(instances, this.backends);
    this.#start = new FleetStart(settings, this, this.#plans, instances, context, refuse);
    for (const { name, needs, group } of settings.unikernels) {
      if (needs !== undefined || group !== undefined) this.#related.add(name);
    }
    refuse(settingsProblems(settings, this.backends, (probe) => this.portOf(probe)));
  }

  /** The start of each backend, by connection name. */
  get starts(): ReadonlyMap<string, BackendStart> {
    return this.#start.backends;
  }

  /** What is configured and not registered yet. */
  get unregistered(): readonly UnikernelSettings[] {
    return this.#start.unregistered;
  }

  /** The unikernels of one connection, by machine id; more may be added. */
  on(connection: string): TextIndex<Unikernel> {
    const known = this.#machines.get(connection);
    if (known !== undefined) return known;
    const machines = new TextIndex<Unikernel>();
    this.#machines.set(connection, machines);
    return machines;
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

  /** The unikernels that need others, or are in a group. */
  get related(): readonly Unikernel[] {
    return [...this.#related].map((name) => this.unikernels.get(name) as Unikernel);
  }

  /** What is wrong with one unikernel, as its backend and its probes are. */
  problemsOf(unikernel: UnikernelSettings, connections: Settings['connections']): readonly ConfigProblem[] {
    return settingsProblems({ connections, unikernels: [unikernel] }, this.backends, (probe) => this.portOf(probe));
  }

  /** Has the backend find or define the machine of one more unikernel, and plans it. @throws the backend's objection */
  async plan(settings: UnikernelSettings): Promise<SharedPlan> {
    return this.#plans.of(settings, await this.#start.machineOf(settings));
  }

  /** Lists one more unikernel, or one whose plan has changed. */
  list(unikernel: Unikernel): void {
    const { name, id, backendName, needs, group } = unikernel.plan;
    this.unikernels.set(name, unikernel);
    this.on(backendName).set(id, unikernel);
    this.#related.delete(name);
    if (needs !== undefined || group !== undefined) this.#related.add(name);
  }

  /** Lists it no more. */
  drop(unikernel: Unikernel): void {
    const { name, id, backendName } = unikernel.plan;
    this.unikernels.delete(name);
    if (this.on(backendName).get(id) === unikernel) this.on(backendName).delete(id);
    this.starts.get(backendName)?.forget(unikernel);
    this.#related.delete(name);
  }

  /** Connects all backends: see {@link FleetStart.connect}. */
  connect(): Promise<void> {
    return this.#start.connect();
  }

  /** Registers every unikernel with its backend: see {@link FleetStart.register}. */
  register(): Promise<void> {
    return this.#start.register();
  }

  /** Asks the backends for `jitsu check`, in place of {@link connect} and {@link register}. */
  async check(): Promise<readonly BackendFinding[]> {
    const { bootConfigurators } = this.instances;
    // Loads native code, of which a start that finds nothing to tell has no need.
    const { lateGuests } = await import('./late-guests.js');
    const warnings = await lateGuests(this.unregistered);
    const findings = await checkBackends(this.backends.values(), this.unregistered, {
      ...this.context,
      bootConfigurators,
      memoryOf: (unikernel) => unikernelMemory(this.#connections, unikernel),
    });
    return [...findings, ...warnings];
  }

  /** What two unikernels cannot have at once, by what their probes ask. */
  sharedEndpoints(): readonly SharedEndpoint[] {
    return sharedEndpoints(this.#start.unregistered, (probe) => this.portOf(probe));
  }

  /** The port that a probe asks, as it says itself. */
  portOf(probe: UnikernelSettings['ready'][number]): number | undefined {
    return this.instances.probe(probe).port;
  }

  /** Tells the lifecycle who needs whom, once all are registered. */
  relate(lifecycle: Lifecycle): void {
    const find = (name: string): Unikernel => this.unikernels.get(name) as Unikernel;
    lifecycle.relate(this.related, find);
  }

  /** Goes on with what has failed, or has not been done yet. */
  keepTrying(): void {
    for (const start of this.starts.values()) start.keepTrying();
  }

  /** Restores the counters of an earlier run of Jitsu. */
  recall(counters: readonly StoredCounters[], lifecycle: Lifecycle): void {
    for (const stored of counters) {
      const unikernel = this.unikernels.get(stored.unikernel);
      if (unikernel) lifecycle.recall(unikernel, stored);
    }
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
}
