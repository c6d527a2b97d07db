import { CommonPlans, planOf, type CommonPlan } from './common-plans.js';
import type { ConnectionSettings, Settings, UnikernelSettings } from '../config/settings.js';
import { ConfigProblems, type ConfigProblem } from '../config/config-problems.js';
import { nearestWord } from '../config/expectation.js';
import { unikernelMemory } from '../config/unikernel-memory.js';
import { FASTEST, stopModeProblem } from '../config/stop.js';
import type { Machine, MachineId, StopMode } from '../contracts/machine.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { ServicePort } from '../contracts/service-endpoints.js';
import type { StateStore, StoredCounters, StoredRegistration } from '../contracts/state-store.js';
import type { NameTable } from '../dns/resolvers/name-table.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import { BackendStart, mayPass, type StartingFleet } from './backend-start.js';
import { checkBackends, type BackendFinding } from './check-backends.js';
import type { Instances } from './instances.js';
import { sharedEndpoints, type SharedEndpoint } from './shared-endpoints.js';
import { settledWithin } from './settled-within.js';
import type { GuardedBackend } from '../lifecycle/guarded-backend.js';
import type { Lifecycle } from '../lifecycle/lifecycle.js';
import { UnikernelRecord, type Failure, type Unikernel } from '../lifecycle/unikernel.js';
import { TextIndex } from '../collections/text-index.js';

/** The number of registrations that a backend is asked for concurrently. */
const AT_ONCE = 256;

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

/** The number of registrations per write to the store. */
const SAVED_AT_ONCE = 10_000;

/** The number of unikernels whose names are compared with a name that nobody has. */
const COMPARED = 1_000;

/** All backends by connection name, and all unikernels by their names. */
export class Fleet {
  readonly backends: ReadonlyMap<string, GuardedBackend>;
  /** By connection name. */
  readonly starts: ReadonlyMap<string, BackendStart>;
  readonly unikernels = new TextIndex<Unikernel>();
  /** By connection name, then by machine id. */
  readonly #machines = new Map<string, TextIndex<Unikernel>>();
  /** Finds unikernels by DNS names. */
  #names: Pick<NameTable<Unikernel>, 'find'> | undefined;
  readonly #plans = new CommonPlans((settings) => this.#commonPlan(settings));
  /** The names of those that need others, or are in a group. */
  readonly #related: string[] = [];
  readonly #source: string;
  readonly #connections: Pick<Settings, 'connections'>;
  /** The settings of the unikernels that are not registered yet. */
  #settings: readonly UnikernelSettings[];

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
    this.#source = settings.file ?? 'The command line';
    this.#settings = settings.unikernels;
    this.#connections = { connections: settings.connections };
    this.backends = new Map(settings.connections.map((connection) => [connection.name, instances.backend(connection)]));
    this.starts = new Map(
      settings.connections.map(({ name, contribution }) => [name, this.#startOf(name, contribution)]),
    );
    const problems: ConfigProblem[] = [];
    for (const unikernel of settings.unikernels) {
      if (unikernel.needs !== undefined || unikernel.group !== undefined) this.#related.push(unikernel.name);
      const problem = this.#unsupportedMode(unikernel);
      if (problem) problems.push(problem);
      problems.push(...this.#askedRelays(unikernel), ...this.#unheld(unikernel));
    }
    this.#refuse(problems);
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

  /**
   * Connects all backends at once. Those that cannot be reached, or take their time, are tried again later.
   * @throws the reason of a backend that will not work, where no other one does
   */
  async connect(): Promise<void> {
    const starts = [...this.starts.values()];
    const asked = await this.#connectAsUser(starts);
    const outcomes = await this.#settled(
      starts,
      starts.map((start) => asked.get(start) ?? start.connect()),
    );
    for (const [index, start] of starts.entries()) start.isSlow = outcomes[index] === undefined;
    if (!starts.some(({ isConnected, isSlow }) => isConnected || isSlow)) this.#refuseLasting([]);
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
      for (const start of this.starts.values()) {
        for (const { name, error } of await start.allowExpected(PATIENCE_FOR_ROOT)) {
          problems.push(objection({ name }, 'refused by its backend', error));
        }
      }
    }
    this.#refuse(problems);
    this.#refuseLasting(refusals);
  }

  /** Asks the backends for `jitsu check`, in place of {@link connect} and {@link register}. */
  async check(): Promise<readonly BackendFinding[]> {
    const { bootConfigurators } = this.instances;
    // Loads native code, of which a start that finds nothing to tell has no need.
    const { lateGuests } = await import('./late-guests.js');
    const warnings = await lateGuests(this.#settings);
    const findings = await checkBackends(this.backends.values(), this.#settings, {
      ...this.context,
      bootConfigurators,
      memoryOf: (unikernel) => unikernelMemory(this.#connections, unikernel),
    });
    return [...findings, ...warnings];
  }

  /** What two unikernels cannot have at once, by what their probes ask. */
  sharedEndpoints(): readonly SharedEndpoint[] {
    return sharedEndpoints(this.#settings, (probe) => this.instances.probe(probe).port);
  }

  /** Tells the lifecycle who needs whom, once all are registered. */
  relate(lifecycle: Lifecycle): void {
    const find = (name: string): Unikernel => this.unikernels.get(name) as Unikernel;
    lifecycle.relate(this.#related.map(find), find);
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

  /** Saves the registrations of those that have their machines. */
  async save(store: StateStore, unikernels: Iterable<Unikernel> = this.unikernels.values()): Promise<void> {
    let batch: StoredRegistration[] = [];
    for (const unikernel of unikernels) {
      if (unikernel.plan.id === '') continue;
      if (batch.push(registrationOf(unikernel)) < SAVED_AT_ONCE) continue;
      await store.saveRegistrations(batch);
      batch = [];
    }
    await store.saveRegistrations(batch);
  }

  #startOf(name: string, { findsAddresses }: ConnectionSettings['contribution']): BackendStart {
    const backend = this.#backend(name);
    const { context } = this;
    const fleet: StartingFleet = {
      withhold: (unikernel, failure) => context.withhold(unikernel, failure),
      arrived: (backend, unikernels) => context.arrived(backend, unikernels),
      machineOf: async (settings) => {
        const machine = await this.#register(settings);
        if (this.#hasBootConfigurators(settings)) await this.#checkBoot(settings);
        return machine;
      },
      allow: async ({ options }, { name, addresses, probes }) => {
        const execution = await backend.allow({ name, options, addresses });
        for (const probe of probes) probe.allow?.({ name, id: '', addresses, execution: () => execution });
        return execution;
      },
      arrive: (unikernel, plan, machine, allowed) => {
        const machines = this.on(name);
        const owner = machines.get(machine.id) ?? unikernel;
        // What was left by an earlier configuration may be its own.
        const isTaken = owner !== unikernel && this.unikernels.get(owner.name) === owner;
        this.#refuse(isTaken ? [sameMachine(unikernel.name, owner.name)] : []);
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
    const plan = planOf(settings, expected.machine, this.#plans.of(settings));
    const unikernel = new UnikernelRecord(plan);
    this.unikernels.set(name, unikernel);
    expected.list(unikernel, plan);
  }

  /** Refuses to start where something will not work, and nothing of another backend does. */
  #refuseLasting(refusals: readonly Refusal[]): void {
    const starts = [...this.starts.values()];
    const othersWork = (connection: string): boolean =>
      starts.some(({ backend, works, isSlow }) => backend.name !== connection && (works || isSlow));
    for (const { backend, error } of starts) {
      if (error !== undefined && !mayPass(error) && !othersWork(backend.name)) throw error as Error;
    }
    this.#refuse(refusals.filter(({ connection }) => !othersWork(connection)).map(({ problem }) => problem));
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
    const unikernel = new UnikernelRecord(planOf(settings, machine, this.#plans.of(settings)));
    const owner = this.on(backend).add(machine.id, unikernel);
    if (owner !== undefined) return sameMachine(name, owner.name);
    this.unikernels.set(name, unikernel);
    try {
      allowCommands(unikernel);
      return undefined;
    } catch (error) {
      return objection({ name }, 'a command that is refused', error);
    }
  }

  #commonPlan(settings: UnikernelSettings): CommonPlan {
    const { ttl, stopMode, replace, delay, deadline, grace, watch, ready, stopPolicies, https, svcb } = settings;
    const { awake, answersAtOnce, wakesOn, keepWhile, ports, useRules, relays } = settings;
    const backend = this.#backend(settings.backend);
    const probes = ready.map((probe) => this.instances.probe(probe));
    return {
      ...{ ttl, stopMode, replace, delay, deadline, grace, watch, awake, useRules, relays, https, svcb, backend },
      ...{ answersAtOnce, wakesOn },
      endingMode: endingModeOf(stopMode, backend),
      keepWhile: keepWhile && this.instances.keepCommand(keepWhile),
      canSuspend: backend.capabilities.stopModes.includes('suspend'),
      probes,
      ports: ports.length > 0 ? ports : portsOf(probes),
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
    if (stopMode === FASTEST || stopModes.includes(stopMode)) return undefined;
    return stopModeProblem(`the stop mode of ${name}`, stopMode, backend, stopModes);
  }

  /** A relay answers always, whatever becomes of the service behind it. */
  #askedRelays({ name, relays, ready }: UnikernelSettings): readonly ConfigProblem[] {
    return relays.flatMap(({ protocol, listen, to }) =>
      ready
        .filter((probe) => {
          const { port } = this.instances.probe(probe);
          return protocol === 'tcp' && port === listen.port && !relays.some((other) => other.to.port === port);
        })
        .map(({ words }) => ({
          path: `${name}.ready`,
          given: words,
          expected: `The port at which the program listens expected, ${to.port}: at ${listen.port} the relay answers always.`,
        })),
    );
  }

  /** Without a port there is no packet that a doorman could hold; a backend may know others by itself. */
  #unheld({
    name,
    backend,
    options,
    answersAtOnce,
    wakesOn,
    ports,
    relays,
    ready,
  }: UnikernelSettings): ConfigProblem[] {
    if (!answersAtOnce || ports.length > 0 || relays.length > 0) return [];
    if (ready.some((probe) => this.instances.probe(probe).port !== undefined)) return [];
    const connection = this.#connections.connections.find((each) => each.name === backend);
    if (connection?.contribution.holds?.(options) === true) return [];
    const expected =
      "It is answered at once only where the first packets of its clients can be held until it is ready: name its ports, as in ports: ['tcp/443'].";
    return [
      wakesOn === 'connection'
        ? { path: `${name}.wake.on`, given: wakesOn, expected }
        : { path: `${name}.wake.answer`, given: 'at-once', expected },
    ];
  }

  #refuse(problems: readonly ConfigProblem[]): void {
    if (problems.length > 0) throw new ConfigProblems(this.#source, problems);
  }

  #start(name: string): BackendStart {
    return this.starts.get(name) as BackendStart;
  }

  #backend(name: string): GuardedBackend {
    return this.backends.get(name) as GuardedBackend;
  }
}

/** The ports that probes ask, which are taken for the service where none is configured. */
function portsOf(probes: readonly ReadinessProbe[]): readonly ServicePort[] {
  const numbers = new Set(probes.flatMap(({ port }) => port ?? []));
  return [...numbers].map((port) => ({ protocol: 'tcp', port }));
}

/** Allows the commands of its probes, and the one by which it is kept. */
function allowCommands({ plan }: Unikernel): void {
  const { name, id, addresses } = plan;
  const target = { name, id, addresses, execution: () => plan.machine.execution() };
  for (const probe of plan.probes) probe.allow?.(target);
  plan.keepWhile?.allow(target);
}

function registrationOf({ plan }: Unikernel): StoredRegistration {
  const { name, id, backendName, names, addresses, ttl, stopMode } = plan;
  return { unikernel: name, backend: backendName, ...{ id, names, addresses, ttl, stopMode } };
}

/** The modes after which every machine is off. */
const ENDING_MODES: readonly StopMode[] = ['destroy', 'shutdown'];

/** The mode in which a machine is stopped that must not be kept in memory: the usual one where it is such a mode. */
function endingModeOf(stopMode: StopMode, { capabilities }: GuardedBackend): StopMode {
  if (ENDING_MODES.includes(stopMode)) return stopMode;
  return capabilities.stopModes.includes('shutdown') ? 'shutdown' : 'destroy';
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
