import {
  errorCode,
  errorMessage,
  JitsuError,
  ProcessEnds,
  SpawnLedger,
  type Clock,
  type Execution,
  type Exit,
  type Launchable,
  type LiveChild,
  type Logger,
  type MachineId,
  type Milliseconds,
  type PowerChange,
  type Spawner,
  type Variables,
} from '@jitsud/core/plugin';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hasRunOutOfMemory, isConfined } from './control-group-files.js';
import { findMachines, findSpawned, findStrays, isOf, wasOf, type StrayProcess } from './find-machines.js';
import type { HeldListeners } from './held-listeners.js';
import { LinuxProcessTable } from './linux-process-table.js';
import { MachineRecords, newNonce, OUTPUT_FOLDER, type MachineRecord } from './machine-records.js';
import { MachineSweep } from './machine-sweep.js';
import { OutputLog } from './output-log.js';
import { PortableProcessTable } from './portable-process-table.js';
import { ProcessGroup } from './process-group.js';
import type { ProcessPlan } from './process-plan.js';
import type { ProcessTable } from './process-table.js';
import { changesBetween, definitionOf, type ProgramDefinition } from './program-definition.js';
import { Remembered } from './remembered.js';
import { executionOf, inheritedBy, launchOf, marksOf, startFailed } from './spawn-process.js';
import type { UserAccount } from './user-accounts.js';

/** How long after the first start the ends of processes are watched. */
const WATCH_DELAY: Milliseconds = 100;

/** How often, and how long after each other, a process is looked for that was started and not told of. */
const UNTOLD_LOOKS = 5;
const UNTOLD_PAUSE: Milliseconds = 10;

/** How long the number of a process that has ended may be in use before its unikernel is started again nevertheless. */
const UNREAPED_AT_MOST: Milliseconds = 5_000;

/** The longest interval at which that is looked for. */
const SLOWEST_LOOK: Milliseconds = 50;

/** All running machines of one connection: their processes, records and output. */
export class RunningProcesses {
  /** Including machines that are not registered, or not registered yet. */
  readonly #groups = new Map<MachineId, ProcessGroup>();
  /** How machines that have run ended. */
  readonly #ends = new Map<MachineId, string>();
  /** The names of the machines that ran when this was closed. */
  #left: ReadonlyMap<MachineId, string> = new Map();
  /** Those registered machines that ran when this was closed: their handles go on when it is opened again. */
  readonly #registered = new Set<MachineId>();
  readonly #table: ProcessTable = existsSync('/proc/self/stat') ? new LinuxProcessTable() : new PortableProcessTable();
  readonly #runtimeDirectory: string;
  /** With the records, and below it the output. */
  readonly #folder: string;
  readonly #records: MachineRecords;
  readonly #output: OutputLog;
  /** Those that have a control group. */
  readonly #confined = new Map<MachineId, ProcessPlan>();
  /** Present once the end of a process had to be watched. */
  #processEnds: Promise<ProcessEnds | undefined> | undefined;
  #isLoadingEnds = false;
  #laterWatch: Disposable | undefined;
  /** What may be machines whose records are gone. */
  #strays: ReadonlyMap<MachineId, StrayProcess> = new Map();
  /** The first processes that have ended, and that their parents, which are not Jitsu, have not collected yet. */
  readonly #unreaped = new Map<MachineId, MachineRecord>();
  /** Why nothing can be started any more. */
  #lost: JitsuError | undefined;
  /** Present while connected. */
  #sweep: MachineSweep | undefined;
  #watch: Disposable | undefined;
  readonly #inherited: Remembered<Variables>;
  /** The user who starts programs; Jitsu itself may become another one. */
  readonly #starter = process.geteuid?.();

  /** @param tell called whenever the state of a machine may have changed */
  constructor(
    runtimeDirectory: string,
    private readonly connection: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly spawner: Spawner,
    readonly listeners: HeldListeners,
    private readonly tell: (change: PowerChange) => void,
  ) {
    this.#inherited = new Remembered(clock);
    this.#runtimeDirectory = resolve(runtimeDirectory);
    this.#folder = join(this.#runtimeDirectory, `process-${encodeURIComponent(connection)}`);
    const ledger = new SpawnLedger(this.#runtimeDirectory);
    this.#records = new MachineRecords(this.#folder, (pid) => ledger.has(pid));
    this.#output = new OutputLog(join(this.#folder, OUTPUT_FOLDER), clock, logger, () => this.#restoreAtOnce());
  }

  /** Finds what an earlier Jitsu left running. @throws JITSU_BACKEND_UNREACHABLE where records cannot be kept */
  open(): void {
    if (this.#sweep) return;
    try {
      this.#records.open();
      this.#output.open();
      const recorded = new Set(this.#records.ids());
      const found = findMachines(this.#records, this.#table, this.#runtimeDirectory, (id, error) => {
        // As if it were gone: its program may be known by its marks.
        if (error !== undefined) recorded.delete(id);
        this.#tellLost(id, error);
      });
      this.#output.removeAllBut(found);
      for (const [id, record] of found) {
        this.#add(id, record);
        this.#output.keepSmall(id);
      }
      this.#strays = findStrays(this.#table, this.#runtimeDirectory, (id) => recorded.has(id));
    } catch (error) {
      this.close();
      const message = `The process backend cannot keep its records in ${this.#runtimeDirectory}: ${errorMessage(error)}.`;
      if (process.geteuid?.() !== this.#starter) {
        const advice = 'Jitsu has given up root, and cannot make its folders any more. Restart Jitsu.';
        throw new JitsuError('JITSU_ROOT_GIVEN_UP', `${message} ${advice}`, { cause: error });
      }
      const advice = 'Give Jitsu a runtime directory that it can write to.';
      throw new JitsuError('JITSU_BACKEND_UNREACHABLE', `${message} ${advice}`, { cause: error });
    }
    this.#sweep = new MachineSweep(this.#groups, this.clock, ({ id }, state) => this.tell({ id, state }));
    this.#sweep.attend();
    this.#watch = this.spawner.watch(() => {
      this.#sweep?.lookAtAll();
      this.#watchEnds();
    });
    this.#watchEnds();
    for (const [id, name] of this.#left) {
      this.#follow(id, name);
      this.tellStateOf(id);
    }
    for (const plan of this.#confined.values()) void this.confine(plan);
  }

  #tellLost(id: MachineId, error: unknown): void {
    const file = join(this.#folder, `${id}.json`);
    const why = error === undefined ? 'names no process' : `cannot be read (${errorMessage(error)})`;
    const message = `The record ${file} of what an earlier Jitsu has started ${why}. Where its program still runs, and is not taken over, end it by hand: it has JITSU_UNIKERNEL=${id} in its environment.`;
    this.logger.warn({ backend: this.connection, id }, message);
  }

  close(): void {
    this.#sweep?.[Symbol.dispose]();
    this.#sweep = undefined;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#laterWatch?.[Symbol.dispose]();
    this.#laterWatch = undefined;
    for (const group of this.#groups.values()) group.release();
    for (const { id, registered } of this.#groups.values()) if (registered) this.#registered.add(id);
    this.#left = new Map([...this.#left, ...this.#output.names]);
    this.#groups.clear();
    this.#output.close();
  }

  /** The processes of a running machine. @throws JITSU_BACKEND_UNREACHABLE while this is closed */
  get(id: MachineId): ProcessGroup | undefined {
    this.#checkConnected();
    return this.#groups.get(id);
  }

  /** The handle of a machine has been handed out. */
  register(id: MachineId): void {
    const group = this.#groups.get(id);
    if (group !== undefined) group.registered = true;
  }

  /** The machines that an earlier Jitsu has started, and nobody has registered. */
  unregistered(): readonly ProcessGroup[] {
    this.#checkConnected();
    return [...this.#groups.values()].filter(({ registered }) => !registered);
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

  /** Takes up a machine that was started by an earlier Jitsu, or before this was closed. */
  takeUp(plan: ProcessPlan): void {
    const { id, name } = plan;
    const stray = this.#strays.get(id);
    if (stray !== undefined && !this.#groups.has(id)) this.#takeUpStray(plan, stray);
    const group = this.#groups.get(id);
    if (group !== undefined) this.#compare(plan, group);
    this.#follow(id, name);
  }

  #takeUpStray(plan: ProcessPlan, stray: StrayProcess): void {
    const { name } = plan;
    const { record } = stray;
    if (isOf(record, plan, this.#table, this.#starter)) {
      this.logger.warn({ unikernel: name }, `${name} runs as process ${record.pid}, of which no record was left.`);
      this.#take(plan, record);
    } else if (wasOf(stray, plan, this.#table, this.#starter)) {
      const message = `${name} runs by an earlier command as process ${record.pid}, of which no record was left.`;
      this.logger.warn({ unikernel: name }, message);
      // Where it was to be found is not known: what it says of itself is not believed.
      const { options, ...now } = definitionOf(plan);
      this.#take(plan, { ...record, definition: { ...now, options: { ...options, command: '' } } });
    }
  }

  /** Compares the definition by which a running machine was started, where it is known, with the present one. */
  #compare(plan: ProcessPlan, group: ProcessGroup): void {
    const before = group.record.definition;
    if (before === undefined) return;
    const changed = changesBetween(before, definitionOf(plan));
    group.outdated = changed === undefined ? undefined : { changed, addresses: before.ip };
  }

  #follow(id: MachineId, name: string): void {
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

  /** The processes of a machine that runs, its first one first. */
  pidsOf(id: MachineId): readonly number[] {
    const leader = this.#groups.get(id)?.pid;
    if (leader === undefined) return [];
    const others = this.#table.all().filter(({ group, pid }) => group === leader && pid !== leader);
    return [leader, ...others.map(({ pid }) => pid)];
  }

  /** To be called for each process that may be spawned. @throws JITSU_ROOT_GIVEN_UP where it is too late for that */
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
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#unreaped.has(id)) await this.#untilReaped(plan);
    if (plan.confinement?.listen !== undefined) await this.listeners.open(plan);
    const nonce = newNonce();
    const definition = definitionOf(plan);
    let child: LiveChild | undefined;
    try {
      const launchable = this.#launchable(plan, await this.#prepare(plan, nonce, definition));
      child = await this.spawner.spawn(launchable, { nonce });
      this.listeners.launched(id);
      this.#checkConnected();
      const startTime = this.#table.look(child.pid)?.startTime ?? '';
      this.#take(plan, { pid: child.pid, startTime, bootId: this.#table.bootId, nonce, definition }, child);
    } catch (error) {
      if (child) await this.spawner.signal(child.pid, 'SIGKILL');
      // What has ended may have started it, and not have told it any more.
      const isUntold = child === undefined && isLost(error);
      const orphan = isUntold ? await this.#untold(id, nonce) : undefined;
      if (orphan === undefined) throw this.#failure(plan, error, isUntold);
      this.#take(plan, { ...orphan, definition });
    }
    this.#ends.delete(id);
    this.tell({ id, state: 'running' });
  }

  /** Finds what was started and not told of. Until it executes its program, it looks like what has started it. */
  async #untold(id: MachineId, nonce: string): Promise<MachineRecord | undefined> {
    for (let look = 1; ; look += 1) {
      const orphan = findSpawned(id, nonce, this.#table, this.#runtimeDirectory);
      if (orphan !== undefined || look === UNTOLD_LOOKS) return orphan;
      await this.clock.sleep(UNTOLD_PAUSE);
    }
  }

  /**
   * Waits until the system has forgotten the process that a machine was before. Programs ask whether the number in a
   * file of theirs is in use, and take a zombie for another one that runs.
   */
  async #untilReaped({ id, name }: ProcessPlan): Promise<void> {
    const record = this.#unreaped.get(id);
    if (record === undefined) return;
    const latest = this.clock.now() + UNREAPED_AT_MOST;
    for (let delay = 1; this.#mayBeListed(record); delay = Math.min(2 * delay, SLOWEST_LOOK)) {
      if (this.clock.now() >= latest) {
        const message = `${name} is started again, though process ${record.pid}, which has ended, was not collected by its parent. In a container, have it run with an init (docker run --init).`;
        this.logger.warn({ unikernel: name }, message);
        break;
      }
      await this.clock.sleep(delay);
    }
    this.#unreaped.delete(id);
    this.#checkConnected();
  }

  #isListed({ pid, startTime }: MachineRecord): boolean {
    return this.#table.look(pid)?.startTime === startTime;
  }

  /** Where it cannot be looked at for now, a start waits until it can. */
  #mayBeListed(record: MachineRecord): boolean {
    try {
      return this.#isListed(record);
    } catch {
      return true;
    }
  }

  #failure(plan: ProcessPlan, error: unknown, isUntold: boolean): JitsuError {
    const { id } = plan;
    this.#output.finish(id);
    if (isUntold && error instanceof JitsuError) {
      // Its process may belong to a user whose environment only root can read: the next Jitsu finds it by its record.
      this.#lost = error;
      return error;
    }
    this.#forget(id);
    return error instanceof JitsuError ? error : startFailed(plan, error, this.#output.pathOf(id));
  }

  /** Returns whether what is spawned can be written down, and its output be kept. */
  async #prepare(plan: ProcessPlan, nonce: string, definition: ProgramDefinition): Promise<boolean> {
    const { id, name } = plan;
    try {
      if (!this.#records.exists || !this.#output.exists) {
        await this.spawner.restoreFolder(this.#launchable(plan));
        this.#restore();
      }
      this.#records.begin(id, nonce, definition);
      this.#output.create(id, name);
      return true;
    } catch (error) {
      if (error instanceof JitsuError) throw error;
      this.logger.warn(
        { unikernel: name },
        `${name} is started without its output in the log, since nothing can be written to ${this.#folder}: ${errorMessage(error)}. Make room there, or configure another runtimeDirectory.`,
      );
      return false;
    }
  }

  #restoreAtOnce(): void {
    try {
      this.#restore();
    } catch {
      // It may take root. The next start tries again, and says why it cannot be had.
    }
  }

  /** Makes the folders again that somebody has removed: a cleaner of temporary files, or the end of a session. */
  #restore(): void {
    this.#records.open();
    this.#output.reopen();
    for (const [id, { record }] of this.#groups) this.#records.save(id, record);
    this.logger.warn(
      {},
      `${this.#folder} was removed by somebody, and is made again. What ${this.#groups.size} running programs write is not logged until they are started anew. Have whatever removes old files leave it alone, or configure another runtimeDirectory.`,
    );
  }

  #take({ id, name }: ProcessPlan, record: MachineRecord, child?: LiveChild): void {
    try {
      this.#records.save(id, record);
    } catch (error) {
      // The next Jitsu finds it by its marks.
      this.logger.warn(
        { unikernel: name },
        `It cannot be written down which process ${name} is: ${errorMessage(error)}`,
      );
    }
    this.#add(id, record, child).registered = true;
  }

  #add(id: MachineId, record: MachineRecord, child?: LiveChild): ProcessGroup {
    const onLeaderEnd = (): void => this.tell({ id, state: 'stopping' });
    const group = new ProcessGroup(id, record, this.#table, this.clock, this.spawner, child, onLeaderEnd);
    if (child === undefined) this.spawner.adopt(record.pid, record.startTime);
    group.registered = this.#registered.has(id);
    this.#groups.set(id, group);
    void group.ended.then((exit) => {
      if (!group.released) this.#ended(id, exit);
    });
    this.#sweep?.attend();
    if (child === undefined || this.#processEnds !== undefined) this.#watchEnds();
    else this.#watchEndsLater();
    return group;
  }

  /** The first boot is not held up by what it takes to watch an end. */
  #watchEndsLater(): void {
    this.#laterWatch ??= this.clock.after(WATCH_DELAY, () => this.#watchEnds());
  }

  /** Has the system tell the ends. Without that, the spawner tells them later, and the sweep those that it does not. */
  #watchEnds(): void {
    if (this.#sweep === undefined || this.#isLoadingEnds) return;
    if (![...this.#groups.values()].some(({ needsWatch }) => needsWatch)) return;
    this.#isLoadingEnds = true;
    this.#processEnds ??= ProcessEnds.load();
    void this.#processEnds.then((ends) => {
      this.#isLoadingEnds = false;
      if (ends !== undefined) for (const group of this.#groups.values()) group.watchEnd(ends);
    });
  }

  #checkConnected(): void {
    if (!this.#sweep) throw this.#notConnected();
  }

  #launchable(plan: ProcessPlan, keepsOutput = true): Launchable {
    const { id, account } = plan;
    return {
      key: id,
      launch: () => {
        const output = keepsOutput ? this.#output.pathOf(id) : undefined;
        const marks = marksOf(id, this.#runtimeDirectory);
        return launchOf(plan, this.#inheritedBy(account), marks, output, this.listeners.forLaunch(id));
      },
    };
  }

  /** The same object for all that inherit the same. */
  #inheritedBy(account: UserAccount | undefined): Variables {
    const { uid = '', name = '', home = '' } = account ?? {};
    return this.#inherited.get([String(uid), name, home], () => inheritedBy(account));
  }

  #ended(id: MachineId, exit: Exit): void {
    const record = this.#groups.get(id)?.record;
    if (record !== undefined && this.#mayBeListed(record)) this.#unreaped.set(id, record);
    this.#groups.delete(id);
    this.#forget(id);
    void this.listeners.reopen(id);
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

/** Whether the process that spawns has ended before it could say what came of an order. */
function isLost(error: unknown): boolean {
  return (error as { lost?: unknown }).lost === true || errorCode(error) === 'JITSU_BACKEND_UNREACHABLE';
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
