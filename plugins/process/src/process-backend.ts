import {
  CLOCK,
  ControlGroups,
  errorMessage,
  CONNECTION_NAME,
  inject,
  type JitsuError,
  LOGGER,
  PowerWatch,
  RUNTIME_DIRECTORY,
  SPAWNER,
  stableUuid,
  type Backend,
  type BackendCapabilities,
  type Clock,
  type ControlGroupFolder,
  type Logger,
  type Machine,
  type MachineId,
  type PowerChange,
  type Registration,
  type Spawner,
  type Stray,
} from '@jitsud/core/plugin';
import { ProcessHandle } from './process-handle.js';
import { ProcessMachine } from './process-machine.js';
import { controllersOf, type ProcessLimits, type ProcessOptions } from './process-options.js';
import { planProcess } from './process-plan.js';
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
  readonly #processes: RunningProcesses;
  readonly #programs: ProgramFinder;
  readonly #accounts: UserAccounts;
  readonly #controlGroups = new ControlGroups();
  readonly #changes = new PowerWatch();
  /** Those that were allowed although they could not be run, and have not been asked for again since. */
  readonly #allowed = new Set<MachineId>();

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
    this.#processes = new RunningProcesses(runtimeDirectory, connectionName, clock, logger, spawner, tell);
  }

  async connect(): Promise<void> {
    this.#processes.open();
  }

  async close(): Promise<void> {
    this.#processes.close();
  }

  async machine(registration: Registration<ProcessOptions>): Promise<Machine> {
    const { plan, absence } = await this.#plan(registration);
    if (plan === undefined) throw absence as JitsuError;
    const machine = new ProcessMachine(plan, this.#processes, this.clock);
    // Also one that cannot be run yet: once Jitsu has given up root, nothing can be allowed any more.
    if (!this.#allowed.delete(machine.id)) this.#processes.allow(machine);
    if (absence !== undefined) {
      this.#allowed.add(machine.id);
      throw absence;
    }
    this.#processes.takeUp(machine);
    await this.#processes.confine(machine);
    return machine;
  }

  async check(registration: Registration<ProcessOptions>): Promise<void> {
    const { absence } = await this.#plan(registration);
    if (absence !== undefined) throw absence;
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

  async #plan(registration: Registration<ProcessOptions>): Promise<ReturnType<typeof planProcess>> {
    const { user, groups, limits, name } = registration.options;
    const id = stableUuid('jitsu process', this.connectionName, name);
    const account = user === undefined ? undefined : await this.#accounts.find(user);
    const groupIds = groups?.map((group) => this.#accounts.findGroup(group));
    const control = limits === undefined ? undefined : await this.#controlOf(limits);
    return planProcess(id, registration, this.#programs, { user: account, groups: groupIds, control });
  }

  /** Where the control group can be made that these limits need, or why nowhere. */
  async #controlOf(limits: ProcessLimits): Promise<ControlGroupFolder | string | undefined> {
    const controllers = controllersOf(limits);
    if (controllers.length === 0) return undefined;
    return this.#controlGroups.find(controllers).catch((error: unknown) => errorMessage(error));
  }
}
