import { errorMessage, type Clock, type Logger, type Milliseconds, type MachineId } from '@jitsud/core/plugin';
import { mkdirSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { OutputFile } from './output-file.js';

const STREAMS = ['stdout', 'stderr'] as const;
type Stream = (typeof STREAMS)[number];

/** Lines that come within this time are read together. */
const GATHER: Milliseconds = 25;

/** The interval at which the files are read where the system does not report changes. */
const POLL: Milliseconds = 1_000;

/** The files of a program's output. */
export type OutputPaths = Readonly<Record<Stream, string>>;

interface FollowedMachine {
  readonly files: Readonly<Record<Stream, OutputFile>>;
  readonly logger: Logger;
}

/** Writes the programs' output into Jitsu's log, line by line. */
export class OutputLog {
  readonly #machines = new Map<MachineId, FollowedMachine>();
  readonly #names = new Map<MachineId, string>();
  readonly #dirty = new Set<MachineId>();
  #watcher: FSWatcher | undefined;
  #timer: Disposable | undefined;
  #polling = false;

  constructor(
    private readonly folder: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  open(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    try {
      // One watch on the folder: the system grants only few, and there may be thousands of programs.
      this.#watcher = watch(this.folder, { persistent: false }, (_event, file) => this.#changed(file));
      this.#watcher.on('error', (error) => this.#pollInstead(error));
    } catch (error) {
      this.#pollInstead(error);
    }
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
  }

  /** Follows the files of a program that is about to start, which are not made yet. */
  create(id: MachineId, name: string): OutputPaths {
    const { stdout, stderr } = this.#add(id, name);
    return { stdout: stdout.makeWay(), stderr: stderr.makeWay() };
  }

  /** Follows the files of a running program, from their ends. */
  takeUp(id: MachineId, name: string): void {
    for (const file of Object.values(this.#add(id, name))) file.takeUp();
  }

  /** Logs the rest of an ended program's output. @returns the last line that it wrote to stderr */
  finish(id: MachineId): string | undefined {
    const machine = this.#machines.get(id);
    if (machine === undefined) return undefined;
    this.#read(machine, true);
    this.#machines.delete(id);
    this.#names.delete(id);
    for (const file of Object.values(machine.files)) file.remove();
    return machine.files.stderr.lastLine;
  }

  /** The names of the machines whose output is followed. */
  get names(): ReadonlyMap<MachineId, string> {
    return this.#names;
  }

  #add(id: MachineId, name: string): FollowedMachine['files'] {
    const file = (stream: Stream): OutputFile => new OutputFile(join(this.folder, `${id}.${stream}`));
    const files = { stdout: file('stdout'), stderr: file('stderr') };
    this.#names.set(id, name);
    this.#machines.set(id, { files, logger: this.logger.child({ unikernel: name }) });
    return files;
  }

  #changed(file: string | null): void {
    const id = file?.replace(/\.std(?:out|err)$/, '');
    if (id === undefined || !this.#machines.has(id)) return;
    this.#dirty.add(id);
    if (!this.#polling) this.#timer ??= this.clock.after(GATHER, () => this.#readDirty());
  }

  #readDirty(): void {
    this.#timer = undefined;
    for (const id of this.#dirty) {
      const machine = this.#machines.get(id);
      if (machine !== undefined) this.#read(machine);
    }
    this.#dirty.clear();
  }

  #read({ files, logger }: FollowedMachine, last = false): void {
    for (const stream of STREAMS) {
      try {
        for (const line of files[stream].read(last)) logger.info({ stream }, line);
      } catch (error) {
        logger.warn({ stream }, `The output of the program cannot be read: ${errorMessage(error)}`);
      }
    }
  }

  #pollInstead(error: unknown): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.logger.warn({}, `${this.folder} cannot be watched, so output is logged once a second: ${errorMessage(error)}`);
    this.#polling = true;
    this.#timer?.[Symbol.dispose]();
    const poll = (): void => {
      for (const machine of this.#machines.values()) this.#read(machine);
      this.#timer = this.clock.after(POLL, poll);
    };
    this.#timer = this.clock.after(POLL, poll);
  }
}
