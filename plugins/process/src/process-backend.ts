import {
  CLOCK,
  ControlGroups,
  errorMessage,
  CONNECTION_NAME,
  inject,
  LOGGER,
  PowerWatch,
  RUNTIME_DIRECTORY,
  SPAWNER,
  stableUuid,
  type Backend,
  type BackendCapabilities,
  type Clock,
  type ControlGroupFolder,
  type Execution,
  type Logger,
  type Machine,
  type MachineId,
  type PowerChange,
  type Registration,
  type Spawner,
  type Stray,
} from '@jitsud/core/plugin';
import { totalmem } from 'node:os';
import { HeldListeners } from './held-listeners.js';
import { ListenDoorman } from './listen-doorman.js';
import { ProcessActivity } from './process-activity.js';
import { ProcessHandle } from './process-handle.js';
import { ProcessMachine } from './process-machine.js';
import { controllersOf, type ProcessLimits, type ProcessOptions } from './process-options.js';
import { planProcess, type ProcessPlan } from './process-plan.js';
import { ProgramFinder } from './program-finder.js';
import { RunningProcesses } from './running-processes.js';
import { UserAccounts } from './user-accounts.js';

export const STOP_MODES = ['destroy', 'shutdown', 'suspend'];

/** Runs unikernels as processes of this machine. */
export class ProcessBackend implements Backend<ProcessOptions> {
  readonly capabilities: BackendCapabilities = {
    stopModes: STOP_MODES,
    bootConfigurators: false,
  };
  readonly activity: ProcessActivity;
  readonly doorman: ListenDoorman;
  readonly #listeners: HeldListeners;
  readonly #processes: RunningProcesses;
  readonly #programs: ProgramFinder;
  readonly #accounts: UserAccounts;
  readonly #controlGroups = new ControlGroups();
  readonly #changes = new PowerWatch();
  /** Those that were allowed before they could be run. */
  readonly #allowed = new Set<MachineId>();
  /** The user who starts programs; Jitsu itself may become another one. */
  readonly #starter = process.getuid?.();

  constructor(
    @inject(LOGGER) logger: Logger,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(RUNTIME_DIRECTORY) runtimeDirectory: string,
    @inject(CONNECTION_NAME) private readonly connectionName: string,
    @inject(SPAWNER) spawner: Spawner,
  ) {
    this.#programs = new ProgramFinder(clock);
    this.#accounts = new UserAccounts(clock);
    const tell = (change: PowerChange): void => this.#changes.tell(change);
    this.#listeners = new HeldListeners(clock, logger);
    this.activity = new ProcessActivity(clock, this.#listeners);
    this.doorman = new ListenDoorman(this.#listeners, clock, logger);
    this.#processes = new RunningProcesses(
      runtimeDirectory,
      connectionName,
      clock,
      logger,
      spawner,
      this.#listeners,
      tell,
    );
  }

  async connect(): Promise<void> {
    this.#processes.open();
  }

  async close(): Promise<void> {
    this.#processes.close();
    this.#listeners.close();
  }

  async machine(registration: Registration<ProcessOptions>): Promise<Machine> {
    const { plan, absence } = await this.#plan(registration);
    if (absence !== undefined) throw absence;
    const machine = new ProcessMachine(plan, this.#processes, this.clock);
    if (plan.confinement?.listen !== undefined) await this.#listen(plan);
    if (!this.#allowed.has(machine.id)) this.#processes.allow(machine);
    await this.#takeUp(machine);
    this.#processes.register(machine.id);
    return machine;
  }

  async allow(registration: Registration<ProcessOptions>): Promise<Execution> {
    const { plan } = await this.#plan(registration);
    if (plan.confinement?.listen !== undefined) await this.#listen(plan);
    if (!this.#allowed.has(plan.id)) this.#processes.allow(plan);
    this.#allowed.add(plan.id);
    // What runs without a record can get signals only if it is adopted now.
    await this.#takeUp(plan);
    return this.#processes.executionOf(plan);
  }

  async check(registration: Registration<ProcessOptions>): Promise<void> {
    const { absence } = await this.#plan(registration);
    if (absence !== undefined) throw absence;
  }

  hostMemory(): Promise<number> {
    return Promise.resolve(totalmem());
  }

  watch(listener: (change: PowerChange) => void): Disposable {
    return this.#changes.watch(listener);
  }

  async strays(): Promise<readonly Stray[]> {
    return this.#processes.unregistered().map(({ id, record: { definition } }) => {
      const { name = id, ip } = definition ?? {};
      return { name, machine: new ProcessHandle(id, name, this.#processes, this.clock), addresses: ip };
    });
  }

  /** What the spawner is allowed to start is told with its sockets. */
  async #listen(plan: ProcessPlan): Promise<void> {
    this.#processes.takeUp(plan);
    await this.#listeners.open(plan, this.#processes.pidsOf(plan.id));
  }

  async #takeUp(plan: ProcessPlan): Promise<void> {
    this.#processes.takeUp(plan);
    await this.#processes.confine(plan);
  }

  async #plan(registration: Registration<ProcessOptions>): Promise<ReturnType<typeof planProcess>> {
    const { user, groups, limits, name } = registration.options;
    const id = stableUuid('jitsu process', this.connectionName, name);
    const account = user === undefined ? undefined : await this.#accounts.find(user);
    const groupIds = groups?.map((group) => this.#accounts.findGroup(group));
    const control = limits === undefined ? undefined : await this.#controlOf(limits);
    return planProcess(id, registration, this.#programs, {
      ...{ user: account, groups: groupIds, control, starter: this.#starter },
    });
  }

  /** Where the control group can be made that these limits need, or why nowhere. */
  async #controlOf(limits: ProcessLimits): Promise<ControlGroupFolder | string | undefined> {
    const controllers = controllersOf(limits);
    if (controllers.length === 0) return undefined;
    return this.#controlGroups.find(controllers).catch((error: unknown) => errorMessage(error));
  }
}
