import {
  errorMessage,
  makeOwnFolder,
  type Clock,
  type Logger,
  type Milliseconds,
  type MachineId,
} from '@jitsud/core/plugin';
import { existsSync, readdirSync, rmSync, watch, type FSWatcher } from 'node:fs';
import { basename, join } from 'node:path';
import { KEPT_LINES, OutputFile, type LineAllowance } from './output-file.js';
import { tellingLine } from './telling-line.js';

const STREAMS = ['stdout', 'stderr'] as const;
type Stream = (typeof STREAMS)[number];

/** Lines that come within this time are read together. */
const GATHER: Milliseconds = 25;

/** The time until the next turn where lines are left to be logged. */
const NEXT_TURN: Milliseconds = 5;

/** The interval between two looks at the files of programs whose lines for this second are used up. */
const LOOK: Milliseconds = 50;

/** The most lines of all programs that are logged in one turn, so that none holds up answers. */
const LINES_A_TURN = 100;

/** The most lines of one program that are logged in a second. A line counts once for each begun 256 bytes. */
const LINES_A_SECOND = 200;

/** The same for what a program writes first: many tell much when they start. */
const FIRST_LINES = 1_000;

/** The most notices of writes that are taken in one turn: a program can cause them faster than they are taken. */
const NOTICES_A_TURN = 64;

/** The number of files that are looked at in one turn after notices were not taken. */
const LOOKS_A_TURN = 16;

/** The interval between two warnings of one kind about one program. */
const WARNINGS: Milliseconds = 60_000;

const SECOND: Milliseconds = 1_000;

/** The interval at which the files are read where the system does not report changes. */
const POLL: Milliseconds = 1_000;

/** The most programs that have ended whose last lines are kept. */
const KEPT_ENDS = 1_000;

interface FollowedMachine {
  readonly files: Readonly<Record<Stream, OutputFile>>;
  /** Absent for a program of nobody, whose files are only kept small. */
  readonly logger: Logger | undefined;
  /** The lines that may be logged until `renewed`. */
  lines: number;
  renewed: Milliseconds;
  /** The last lines of both streams, as they were read. */
  recent: readonly string[];
  readonly warned: { lines: Milliseconds; size: Milliseconds };
  /** Why its output could not be read the last time. */
  unreadable: string | undefined;
}

/**
 * Writes the programs' output into Jitsu's log, line by line. Whatever they write, their files stay small, and no turn
 * takes long.
 */
export class OutputLog {
  readonly #machines = new Map<MachineId, FollowedMachine>();
  readonly #names = new Map<MachineId, string>();
  /** The last lines of programs that have ended, the latest last. */
  readonly #ended = new Map<MachineId, readonly string[]>();
  readonly #dirty = new Set<MachineId>();
  #watcher: FSWatcher | undefined;
  #timer: Disposable | undefined;
  #due: Milliseconds = 0;
  #polling = false;
  /** Whether a file has gone since the last turn, with which the folder may have gone, too. */
  #mayBeRemoved = false;
  /** The notices since the last turn. */
  #notices = 0;
  /** The machines to be looked at since notices about them may be lost. */
  #unseen: Iterator<MachineId, undefined> | undefined;

  /** @param onRemoval called when somebody has removed the folder */
  constructor(
    private readonly folder: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly onRemoval: () => void = () => undefined,
  ) {}

  open(): void {
    makeOwnFolder(this.folder);
    this.#watch();
  }

  /** Makes its folder again, and goes on with what is written there from now on. */
  reopen(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    makeOwnFolder(this.folder);
    this.#polling = false;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    if (!this.#watch()) return;
    this.#unseen = this.#machines.keys();
    this.#plan(GATHER);
  }

  /** Whether its folder is still there. */
  get exists(): boolean {
    return existsSync(this.folder);
  }

  /** Removes what was left behind by programs other than these. */
  removeAllBut(ids: ReadonlyMap<MachineId, unknown>): void {
    for (const file of readdirSync(this.folder)) {
      const id = idIn(file);
      if (id !== undefined && !ids.has(id)) rmSync(join(this.folder, file), { force: true });
    }
  }

  /** Keeps the files of a program small that nobody has registered. */
  keepSmall(id: MachineId): void {
    if (this.#machines.has(id)) return;
    this.#add(id);
    this.#see(id);
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#polling = false;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#machines.clear();
    this.#names.clear();
    this.#dirty.clear();
    this.#unseen = undefined;
  }

  /** The path of a program's files, without `.stdout` and `.stderr`. */
  pathOf(id: MachineId): string {
    return join(this.folder, id);
  }

  /** Follows the files of a program that is about to start, which are not made yet. */
  create(id: MachineId, name: string): void {
    this.#ended.delete(id);
    for (const file of Object.values(this.#add(id, name))) file.makeWay();
  }

  /** Follows the files of a running program, from their ends. */
  takeUp(id: MachineId, name: string): void {
    for (const file of Object.values(this.#add(id, name))) file.takeUp();
    const machine = this.#machines.get(id);
    if (machine !== undefined) machine.recent = STREAMS.flatMap((stream) => machine.files[stream].lastLines);
  }

  /** The last lines that a program wrote, oldest first, also after it has ended. */
  recentLines(id: MachineId): readonly string[] {
    return (this.#machines.get(id)?.recent ?? this.#ended.get(id) ?? []).slice(-KEPT_LINES);
  }

  /** Logs the rest of an ended program's output. @returns the line on stderr that tells why it has ended */
  finish(id: MachineId): string | undefined {
    const machine = this.#machines.get(id);
    if (machine === undefined) return undefined;
    this.#read(machine, { left: Math.max(machine.lines, LINES_A_SECOND) }, true);
    this.#machines.delete(id);
    this.#dirty.delete(id);
    this.#names.delete(id);
    for (const file of Object.values(machine.files)) file.remove();
    this.#keep(id, machine.recent);
    return tellingLine(machine.files.stderr.lastLines);
  }

  /** The names of the machines whose output is followed. */
  get names(): ReadonlyMap<MachineId, string> {
    return this.#names;
  }

  #keep(id: MachineId, lines: readonly string[]): void {
    this.#ended.delete(id);
    if (lines.length > 0) this.#ended.set(id, lines);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > KEPT_ENDS && oldest !== undefined) this.#ended.delete(oldest);
  }

  #add(id: MachineId, name?: string): FollowedMachine['files'] {
    const file = (stream: Stream): OutputFile => new OutputFile(`${this.pathOf(id)}.${stream}`);
    const files = { stdout: file('stdout'), stderr: file('stderr') };
    if (name !== undefined) this.#names.set(id, name);
    const logger = name === undefined ? undefined : this.logger.child({ unikernel: name });
    const warned = { lines: -Infinity, size: -Infinity };
    const renewed = this.clock.now() + SECOND;
    this.#machines.set(id, { files, logger, lines: FIRST_LINES, renewed, recent: [], warned, unreadable: undefined });
    return files;
  }

  /** @returns whether the system reports changes */
  #watch(): boolean {
    try {
      // One watch on the folder: the system grants only few, and there may be thousands of programs.
      this.#watcher = watch(this.folder, { persistent: false }, (event, file) => this.#changed(event, file));
      this.#watcher.on('error', (error) => this.#pollInstead(error));
      return true;
    } catch (error) {
      if (this.exists) this.#pollInstead(error);
      else this.onRemoval();
      return false;
    }
  }

  #changed(event: string, file: string | null): void {
    const id = file === null ? undefined : idIn(file);
    // The system tells the end of the folder itself only when no file that was in it is open any more.
    if (event === 'rename') this.#mayBeRemoved = true;
    this.#notices += 1;
    // A program that writes without pause causes notices without end, and Node takes them all before anything else.
    if (this.#notices > NOTICES_A_TURN && !this.#polling) {
      this.#watcher?.close();
      this.#watcher = undefined;
      this.#plan(GATHER);
    }
    if (id !== undefined && this.#machines.has(id)) this.#see(id);
    else if (file === basename(this.folder)) this.#plan(GATHER);
  }

  #see(id: MachineId): void {
    this.#dirty.add(id);
    if (!this.#polling) this.#plan(GATHER);
  }

  /** Plans a turn, unless there is one as soon. */
  #plan(delay: Milliseconds): void {
    const due = this.clock.now() + delay;
    if (this.#timer !== undefined && this.#due <= due) return;
    this.#timer?.[Symbol.dispose]();
    this.#due = due;
    this.#timer = this.clock.after(delay, () => this.#turn());
  }

  #turn(): void {
    this.#timer = undefined;
    this.#notices = 0;
    if (this.#mayBeRemoved) {
      this.#mayBeRemoved = false;
      if (!this.exists) return this.onRemoval();
    }
    if (this.#watcher === undefined && !this.#polling) {
      if (!this.#watch()) return;
      this.#unseen = this.#machines.keys();
    }
    this.#lookAtUnseen();
    const turn = { left: LINES_A_TURN };
    let delay: Milliseconds | undefined;
    for (const id of [...this.#dirty]) {
      const machine = this.#machines.get(id);
      this.#dirty.delete(id);
      if (machine === undefined) continue;
      const left = this.#readInTurn(machine, turn);
      if (left === undefined) continue;
      this.#dirty.add(id);
      delay = Math.min(delay ?? Infinity, left);
    }
    if (this.#unseen !== undefined) delay = Math.min(delay ?? Infinity, GATHER);
    if (delay !== undefined) this.#plan(delay);
  }

  #lookAtUnseen(): void {
    for (let count = 0; count < LOOKS_A_TURN && this.#unseen !== undefined; count += 1) {
      const next = this.#unseen.next();
      if (next.done === true) this.#unseen = undefined;
      else this.#dirty.add(next.value);
    }
  }

  /** @returns when to look again, where there is more to read */
  #readInTurn(machine: FollowedMachine, turn: LineAllowance): Milliseconds | undefined {
    const now = this.clock.now();
    if (now >= machine.renewed) {
      machine.lines = Math.max(machine.lines, LINES_A_SECOND);
      machine.renewed = now + SECOND;
    }
    const most = machine.logger === undefined ? 0 : Math.max(0, Math.min(machine.lines, turn.left));
    const allowance = { left: most };
    this.#read(machine, allowance);
    machine.lines -= most - allowance.left;
    turn.left -= most - allowance.left;
    if (STREAMS.every((stream) => !machine.files[stream].isBehind)) return undefined;
    if (machine.lines > 0 && machine.logger !== undefined) return NEXT_TURN;
    this.#warn(
      machine,
      'lines',
      `The program writes more than ${LINES_A_SECOND} lines a second. Some are left out of the log.`,
    );
    return machine.logger === undefined ? undefined : LOOK;
  }

  #read(machine: FollowedMachine, allowance: LineAllowance, last = false): void {
    const { files, logger } = machine;
    let unreadable: string | undefined;
    for (const stream of STREAMS) {
      try {
        const lines = files[stream].read(last, allowance);
        for (const line of lines) logger?.info({ stream }, line);
        if (lines.length > 0) machine.recent = [...machine.recent, ...lines.slice(-KEPT_LINES)].slice(-KEPT_LINES);
        if (!files[stream].hasOverflowed) continue;
        files[stream].hasOverflowed = false;
        this.#warn(
          machine,
          'size',
          'The program writes more than is read of it. At most 16 MiB of its output are kept.',
        );
      } catch (error) {
        unreadable ??= `The output of the program cannot be read: ${errorMessage(error)}`;
        if (unreadable !== machine.unreadable) logger?.warn({ stream }, unreadable);
      }
    }
    machine.unreadable = unreadable;
  }

  #warn({ logger, warned }: FollowedMachine, kind: 'lines' | 'size', message: string): void {
    const now = this.clock.now();
    if (now - warned[kind] < WARNINGS) return;
    warned[kind] = now;
    logger?.warn({}, message);
  }

  #pollInstead(error: unknown): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.logger.warn({}, `${this.folder} cannot be watched, so output is logged once a second: ${errorMessage(error)}`);
    this.#polling = true;
    this.#timer?.[Symbol.dispose]();
    const poll = (): void => {
      for (const machine of this.#machines.values()) {
        this.#readInTurn(machine, { left: Math.max(1, Math.floor(LINES_A_SECOND / this.#machines.size)) });
      }
      this.#timer = this.clock.after(POLL, poll);
    };
    this.#timer = this.clock.after(POLL, poll);
  }
}

function idIn(file: string): MachineId | undefined {
  return /^(.+)\.std(?:out|err)$/.exec(file)?.[1];
}
