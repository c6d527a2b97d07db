import {
  errorMessage,
  JitsuError,
  SpawnLedger,
  type Clock,
  type Execution,
  type Exit,
  type Launchable,
  type LiveChild,
  type Logger,
  type MachineId,
  type PowerChange,
  type Spawner,
  type Variables,
} from '@jitsud/core/plugin';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hasRunOutOfMemory, isConfined } from './control-group-files.js';
import { findMachines } from './find-machines.js';
import { LinuxProcessTable } from './linux-process-table.js';
import { MachineRecords, OUTPUT_FOLDER, type MachineRecord } from './machine-records.js';
import { MachineSweep } from './machine-sweep.js';
import { OutputLog } from './output-log.js';
import { PortableProcessTable } from './portable-process-table.js';
import { ProcessGroup } from './process-group.js';
import type { ProcessPlan } from './process-plan.js';
import type { ProcessTable } from './process-table.js';
import { Remembered } from './remembered.js';
import { executionOf, inheritedBy, launchOf, marksOf, startFailed } from './spawn-process.js';
import type { UserAccount } from './user-accounts.js';

/** All running machines of one connection: their processes, records and output. */
export class RunningProcesses {
  /** Including machines that are not registered, or not registered yet. */
  readonly #groups = new Map<MachineId, ProcessGroup>();
  /** How machines that have run ended. */
  readonly #ends = new Map<MachineId, string>();
  /** The names of the machines that ran when this was closed. */
  #left: ReadonlyMap<MachineId, string> = new Map();
  readonly #table: ProcessTable = existsSync('/proc/self/stat') ? new LinuxProcessTable() : new PortableProcessTable();
  readonly #runtimeDirectory: string;
  readonly #records: MachineRecords;
  readonly #output: OutputLog;
  /** Those that have a control group. */
  readonly #confined = new Map<MachineId, ProcessPlan>();
  /** Present while connected. */
  #sweep: MachineSweep | undefined;
  #watch: Disposable | undefined;
  readonly #inherited: Remembered<Variables>;

  /** @param tell called whenever the state of a machine may have changed */
  constructor(
    runtimeDirectory: string,
    private readonly connection: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly spawner: Spawner,
    private readonly tell: (change: PowerChange) => void,
  ) {
    this.#inherited = new Remembered(clock);
    this.#runtimeDirectory = resolve(runtimeDirectory);
    const folder = join(this.#runtimeDirectory, `process-${encodeURIComponent(connection)}`);
    const ledger = new SpawnLedger(this.#runtimeDirectory);
    this.#records = new MachineRecords(folder, (pid) => ledger.has(pid));
    this.#output = new OutputLog(join(folder, OUTPUT_FOLDER), clock, logger);
  }

  /** Finds what an earlier Jitsu left running. @throws JITSU_BACKEND_UNREACHABLE where records cannot be kept */
  open(): void {
    if (this.#sweep) return;
    try {
      this.#records.open();
      this.#output.open();
      const found = findMachines(this.#records, this.#table, this.#runtimeDirectory);
      this.#output.removeAllBut(found);
      for (const [id, record] of found) {
        this.#add(id, record);
        this.#output.keepSmall(id);
      }
    } catch (error) {
      this.close();
      const message = `The process backend cannot keep its records in ${this.#runtimeDirectory}: ${errorMessage(error)}. Give Jitsu a runtime directory that it can write to.`;
      throw new JitsuError('JITSU_BACKEND_UNREACHABLE', message, { cause: error });
    }
    this.#sweep = new MachineSweep(this.#groups, this.clock, ({ id }, state) => this.tell({ id, state }));
    this.#sweep.attend();
    this.#watch = this.spawner.watch(() => this.#sweep?.lookAtAll());
    for (const [id, name] of this.#left) {
      this.takeUp(id, name);
      this.tellStateOf(id);
    }
    for (const plan of this.#confined.values()) void this.confine(plan);
  }

  close(): void {
    this.#sweep?.[Symbol.dispose]();
    this.#sweep = undefined;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    for (const group of this.#groups.values()) group.released = true;
    this.#left = new Map([...this.#left, ...this.#output.names]);
    this.#groups.clear();
    this.#output.close();
  }

  /** The processes of a running machine. @throws JITSU_BACKEND_UNREACHABLE while this is closed */
  get(id: MachineId): ProcessGroup | undefined {
    this.#checkConnected();
    return this.#groups.get(id);
  }

  /** How a machine ended, for people. */
  endOf(id: MachineId): string | undefined {
    return this.#ends.get(id);
  }

  /** The last lines that a machine wrote, oldest first, also after it has ended. */
  recentOutput(id: MachineId): readonly string[] {
    return this.#output.recentLines(id);
  }

  tellStateOf(id: MachineId): void {
    this.tell({ id, state: this.#groups.get(id)?.look() ?? 'off' });
  }

  /** Follows the output of a machine that was started by an earlier Jitsu, or before this was closed. */
  takeUp(id: MachineId, name: string): void {
    if (this.#groups.has(id) && !this.#output.names.has(id)) this.#output.takeUp(id, name);
  }

  /** Holds a machine that was started by an earlier Jitsu, or before this was closed, to its limits. */
  async confine(plan: ProcessPlan): Promise<void> {
    const { id, name, confinement } = plan;
    const group = this.#groups.get(id);
    if (confinement?.control === undefined) return;
    this.#confined.set(id, plan);
    if (group === undefined) return;
    try {
      if (!isConfined(group.pid, confinement.control)) throw new Error('it was started without them');
      await this.spawner.confine(this.#launchable(plan));
    } catch (error) {
      this.logger.warn({ unikernel: name }, `${name} runs without its limits: ${errorMessage(error)}. Stop it once.`);
    }
  }

  /** To be called for each process that may be spawned. @throws JITSU_BACKEND_DENIED where it is too late for that */
  allow(plan: ProcessPlan): void {
    this.spawner.allow(this.#launchable(plan));
  }

  /** How what looks after a process runs. */
  executionOf(plan: ProcessPlan): Execution {
    return executionOf(plan, this.#inheritedBy(plan.account));
  }

  /** @throws JITSU_BACKEND_FAILED, JITSU_BACKEND_UNREACHABLE */
  async spawn(plan: ProcessPlan): Promise<void> {
    const { id } = plan;
    this.#checkConnected();
    let child: LiveChild | undefined;
    try {
      const nonce = this.#records.begin(id);
      this.#output.create(id, plan.name);
      child = await this.spawner.spawn(this.#launchable(plan), { nonce });
      this.#checkConnected();
      const startTime = this.#table.look(child.pid)?.startTime ?? '';
      const record = { pid: child.pid, startTime, bootId: this.#table.bootId, nonce };
      this.#records.save(id, record);
      this.#add(id, record, child);
    } catch (error) {
      if (child) await this.spawner.signal(child.pid, 'SIGKILL');
      this.#output.finish(id);
      this.#forget(id);
      throw error instanceof JitsuError ? error : startFailed(plan, error);
    }
    this.#ends.delete(id);
    this.tell({ id, state: 'running' });
  }

  #add(id: MachineId, record: MachineRecord, child?: LiveChild): void {
    const group = new ProcessGroup(id, record, this.#table, this.clock, this.spawner, child);
    if (child === undefined) this.spawner.adopt(record.pid, record.startTime);
    this.#groups.set(id, group);
    void group.ended.then((exit) => {
      if (!group.released) this.#ended(id, exit);
    });
    this.#sweep?.attend();
  }

  #checkConnected(): void {
    if (!this.#sweep) throw this.#notConnected();
  }

  #launchable(plan: ProcessPlan): Launchable {
    const { id, account } = plan;
    return {
      key: id,
      launch: () =>
        launchOf(plan, this.#inheritedBy(account), marksOf(id, this.#runtimeDirectory), this.#output.pathOf(id)),
    };
  }

  /** The same object for all that inherit the same. */
  #inheritedBy(account: UserAccount | undefined): Variables {
    const { uid = '', name = '', home = '' } = account ?? {};
    return this.#inherited.get([String(uid), name, home], () => inheritedBy(account));
  }

  #ended(id: MachineId, exit: Exit): void {
    this.#groups.delete(id);
    this.#forget(id);
    const detail = exitDetail(exit, this.#output.finish(id), this.#leaveControlGroup(id));
    this.#ends.set(id, detail);
    this.tell({ id, state: 'off', detail });
  }

  /** Returns whether it has ended since it wanted more memory than its limit. */
  #leaveControlGroup(id: MachineId): boolean {
    const plan = this.#confined.get(id);
    const control = plan?.confinement?.control;
    if (plan === undefined || control === undefined) return false;
    const lackedMemory = hasRunOutOfMemory(control);
    this.spawner.release(this.#launchable(plan)).catch((error: unknown) => {
      this.logger.warn(
        { unikernel: plan.name },
        `${plan.name}'s control group cannot be removed: ${errorMessage(error)}`,
      );
    });
    return lackedMemory;
  }

  #forget(id: MachineId): void {
    try {
      this.#records.remove(id);
    } catch (error) {
      // The record names a process that has ended, which the next Jitsu notices by itself.
      this.logger.warn({ id }, `A record cannot be removed: ${errorMessage(error)}`);
    }
  }

  #notConnected(): JitsuError {
    return new JitsuError('JITSU_BACKEND_UNREACHABLE', `The process backend '${this.connection}' is not connected.`);
  }
}

/** How a program ended: its status, and the line that tells why. */
function exitDetail({ status, signal }: Exit, lastWords: string | undefined, lackedMemory: boolean): string {
  const how = lackedMemory
    ? 'killed: it used more than its limit of memory'
    : signal !== undefined
      ? `killed by ${signal}`
      : status !== undefined
        ? `exited with status ${status}`
        : 'ended; only the Jitsu that started it could know its exit status';
  return lastWords === undefined ? how : `${how}: ${lastWords}`;
}
