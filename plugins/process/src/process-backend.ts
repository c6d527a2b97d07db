import {
  CLOCK,
  CONNECTION_NAME,
  errorMessage,
  inject,
  injectable,
  JitsuError,
  LOGGER,
  MachineById,
  PowerWatch,
  RUNTIME_DIRECTORY,
  TextIndex,
  type Backend,
  type BackendCapabilities,
  type Clock,
  type Logger,
  type PowerChange,
  type Registration,
  type StopMode,
  type MachineDescription,
  type MachineId,
} from '@jitsud/core/plugin';
import { join, resolve } from 'node:path';
import { exitDetail } from './exit-detail.js';
import { findMachines } from './find-machines.js';
import { MachineControl } from './machine-control.js';
import { MachineRecords, type MachineRecord } from './machine-records.js';
import { MachineSweep } from './machine-sweep.js';
import { OutputLog } from './output-log.js';
import type { Exit } from './exit.js';
import { ProcessMachine } from './process-machine.js';
import type { ProcessOptions } from './process-options.js';
import { planProcess, type ProcessPlan } from './process-plan.js';
import type { ProcessTable } from './process-table.js';
import { ProgramFinder } from './program-finder.js';
import { sendSignal } from './send-signal.js';
import { spawnProcess, startFailed } from './spawn-process.js';
import { Spawner, type LiveChild } from './spawner.js';
import { systemProcessTable } from './system-process-table.js';
import { unikernelId } from './unikernel-id.js';
import { UserAccounts } from './user-accounts.js';

const NO_MACS: readonly string[] = [];

/** Runs unikernels as processes of this machine. */
@injectable()
export class ProcessBackend implements Backend<ProcessOptions> {
  readonly capabilities: BackendCapabilities = {
    stopModes: ['destroy', 'shutdown', 'suspend'],
    bootConfigurators: false,
  };
  readonly #plans = new TextIndex<ProcessPlan>();
  /** All that run, also of unikernels that are not, or not yet, registered. */
  readonly #machines = new Map<MachineId, ProcessMachine>();
  readonly #starting = new Map<MachineId, Promise<void>>();
  readonly #table: ProcessTable = systemProcessTable();
  readonly #runtimeDirectory: string;
  readonly #records: MachineRecords;
  readonly #output: OutputLog;
  readonly #power: PowerWatch;
  readonly #programs: ProgramFinder;
  readonly #accounts: UserAccounts;
  /** Present while connected. */
  #sweep: MachineSweep | undefined;
  #spawner: Spawner | undefined;

  constructor(
    @inject(LOGGER) private readonly logger: Logger,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(RUNTIME_DIRECTORY) runtimeDirectory: string,
    @inject(CONNECTION_NAME) private readonly connectionName: string,
  ) {
    this.#runtimeDirectory = resolve(runtimeDirectory);
    const folder = join(this.#runtimeDirectory, `process-${encodeURIComponent(connectionName)}`);
    this.#records = new MachineRecords(folder);
    this.#output = new OutputLog(join(folder, 'output'), clock, logger);
    this.#power = new PowerWatch(logger);
    this.#programs = new ProgramFinder(clock);
    this.#accounts = new UserAccounts(clock);
  }

  async connect(): Promise<void> {
    if (this.#sweep) return;
    try {
      this.#records.open();
      this.#output.open();
      const found = findMachines(this.#records, this.#table, this.#runtimeDirectory);
      for (const [id, record] of found) this.#add(id, record);
    } catch (error) {
      await this.close();
      const message = `The process backend cannot keep its records in ${this.#runtimeDirectory}: ${errorMessage(error)}. Give Jitsu a runtime directory that it can write to.`;
      throw new JitsuError('JITSU_BACKEND_UNREACHABLE', message, { cause: error });
    }
    this.#sweep = new MachineSweep(this.#machines, this.clock, ({ id }, state) => this.#power.tell(id, state));
    this.#sweep.attend();
    for (const plan of this.#plans.values()) {
      this.#takeUp(plan);
      this.#power.tell(plan.id, this.#machines.get(plan.id)?.look() ?? 'off');
    }
  }

  async close(): Promise<void> {
    this.#sweep?.[Symbol.dispose]();
    this.#sweep = undefined;
    this.#spawner?.close();
    this.#spawner = undefined;
    for (const machine of this.#machines.values()) machine.released = true;
    this.#machines.clear();
    this.#output.close();
  }

  async register(registration: Registration<ProcessOptions>): Promise<MachineId> {
    const id = unikernelId(this.connectionName, registration.options.name);
    const { user } = registration.options;
    const account = user === undefined ? undefined : await this.#accounts.find(user);
    const plan = planProcess(id, registration, this.#programs, account);
    const machine = this.#machines.get(id);
    const isNew = machine !== undefined && !this.#plans.has(id);
    this.#plans.set(id, plan);
    if (isNew) {
      this.#takeUp(plan);
      this.#power.note(id, machine.look());
    }
    return id;
  }

  async machine(registration: Registration<ProcessOptions>): Promise<MachineById> {
    return new MachineById(this, await this.register(registration));
  }

  async describe(id: MachineId): Promise<MachineDescription> {
    const { name } = this.#plan(id);
    const machine = this.#machines.get(id);
    const detail = this.#power.detailOf(id);
    const state = machine?.look() ?? 'off';
    return {
      name,
      state,
      macs: NO_MACS,
      ...(machine && { domainId: machine.pid }),
      ...(detail !== undefined && { detail }),
    };
  }

  async start(id: MachineId): Promise<void> {
    const plan = this.#plan(id);
    const started = this.#starting.get(id) ?? this.#start(plan).finally(() => this.#starting.delete(id));
    this.#starting.set(id, started);
    await started;
  }

  async resume(id: MachineId): Promise<void> {
    const plan = this.#plan(id);
    const machine = this.#machines.get(id);
    if (machine?.look() !== 'suspended') return;
    await this.#control(plan, machine).resume();
    if (!machine.hasEnded) this.#power.tell(id, machine.look());
  }

  async unpause(id: MachineId): Promise<void> {
    // A process is never paused, only suspended.
    this.#plan(id);
  }

  async stop(id: MachineId, mode: StopMode, signal: AbortSignal): Promise<void> {
    const plan = this.#plan(id);
    if (!this.capabilities.stopModes.includes(mode)) {
      const message = `${plan.name} is a process, which cannot be stopped by '${mode}', only by ${this.capabilities.stopModes.join(', ')}.`;
      throw new JitsuError('JITSU_STOP_MODE_UNSUPPORTED', message);
    }
    const machine = this.#machines.get(id);
    if (machine === undefined) return;
    const control = this.#control(plan, machine);
    if (mode === 'destroy') return control.destroy(signal);
    if (mode === 'shutdown') return control.shutDown(signal);
    await control.suspend(signal);
    if (!machine.hasEnded) this.#power.tell(id, machine.look());
  }

  watch(listener: (change: PowerChange) => void): Disposable {
    return this.#power.watch(listener);
  }

  async #start(plan: ProcessPlan): Promise<void> {
    for (let machine = this.#machines.get(plan.id); machine; machine = this.#machines.get(plan.id)) {
      const state = machine.look();
      if (state === 'suspended') await this.resume(plan.id);
      if (state !== 'stopping') return;
      await machine.ended;
      this.#plan(plan.id);
    }
    await this.#spawn(plan);
  }

  async #spawn(plan: ProcessPlan): Promise<void> {
    const { id } = plan;
    if (!this.#isConnected) throw this.#notConnected();
    const spawner = this.#livingSpawner();
    let child: LiveChild | undefined;
    try {
      this.#records.begin(id);
      const files = this.#output.create(id, plan.name);
      child = await spawnProcess(plan, files, this.#runtimeDirectory, spawner);
      if (!this.#isConnected) throw this.#notConnected();
      const startTime = this.#table.look(child.pid)?.startTime ?? '';
      const record = { pid: child.pid, startTime, bootId: this.#table.bootId };
      this.#records.save(id, record);
      this.#add(id, record, child);
    } catch (error) {
      if (child) sendSignal(-child.pid, 'SIGKILL');
      this.#output.finish(id);
      this.#forget(id);
      throw error instanceof JitsuError ? error : startFailed(plan, error);
    }
    this.#power.tell(id, 'running');
  }

  get #isConnected(): boolean {
    return this.#sweep !== undefined;
  }

  /** It takes as much as a sixth of Jitsu's memory and start, so that nobody has one before there is something to spawn. */
  #livingSpawner(): Spawner {
    if (this.#spawner === undefined || this.#spawner.hasEnded) {
      this.#spawner = new Spawner(() => this.#sweep?.lookAtAll());
    }
    return this.#spawner;
  }

  #control({ name }: ProcessPlan, machine: ProcessMachine): MachineControl {
    return new MachineControl(name, machine, this.clock);
  }

  #add(id: MachineId, record: MachineRecord, child?: LiveChild): void {
    const machine = new ProcessMachine(id, record, this.#table, this.clock, child);
    this.#machines.set(id, machine);
    void machine.ended.then((exit) => {
      if (!machine.released) this.#ended(id, exit);
    });
    this.#sweep?.attend();
  }

  #ended(id: MachineId, exit: Exit): void {
    this.#machines.delete(id);
    this.#forget(id);
    const detail = exitDetail(exit, this.#output.finish(id));
    if (this.#plans.has(id)) this.#power.tell(id, 'off', detail);
  }

  /** Goes on with what an earlier Jitsu, or we before we were closed, started. */
  #takeUp({ id, name }: ProcessPlan): void {
    if (this.#machines.has(id)) this.#output.takeUp(id, name);
  }

  #forget(id: MachineId): void {
    try {
      this.#records.remove(id);
    } catch (error) {
      // The record names a process that has ended, which the next Jitsu finds out by itself.
      this.logger.warn({ id }, `A record cannot be removed: ${errorMessage(error)}`);
    }
  }

  #plan(id: MachineId): ProcessPlan {
    if (!this.#sweep) throw this.#notConnected();
    const plan = this.#plans.get(id);
    if (plan) return plan;
    throw new JitsuError(
      'JITSU_UNIKERNEL_UNKNOWN',
      `${this.connectionName} has no process with the id ${id}: register it first.`,
    );
  }

  #notConnected(): JitsuError {
    return new JitsuError(
      'JITSU_BACKEND_UNREACHABLE',
      `The process backend '${this.connectionName}' is not connected.`,
    );
  }
}
