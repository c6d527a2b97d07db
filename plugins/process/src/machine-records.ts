import { makeOwnFolder, readOwnFile, replaceFile, writeNewFile, type MachineId } from '@jitsud/core/plugin';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { toDefinition, type ProgramDefinition } from './program-definition.js';

/** The process of a unikernel. */
export interface MachineRecord {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
  /** As in {@link BegunRecord}; records of earlier versions have none. */
  readonly nonce?: string;
  /** Absent where it is not known. */
  readonly definition?: ProgramDefinition | undefined;
}

/** A process that may have been spawned without its pid being saved. */
export interface BegunRecord {
  readonly pid?: undefined;
  /** A random number in the environment of the process, which nobody can know before it is spawned. */
  readonly nonce: string;
  /** Absent where it is not known. */
  readonly definition?: ProgramDefinition | undefined;
}

/** A nonce for a start. */
export function newNonce(): string {
  return randomBytes(16).toString('hex');
}

/** The folder of the programs' output, beside the records. */
export const OUTPUT_FOLDER = 'output';

/** The form of a nonce. */
export const NONCE = /^[0-9a-f]{32}$/;
/** A number beyond would be another one in a system call. */
const HIGHEST_PID = 2 ** 31 - 1;
const RECORD = /^([0-9a-f-]{36})\.json$/;

/** Stores, for the next Jitsu, which processes belong to it: one file per running process. */
export class MachineRecords {
  /** @param wasSpawned whether Jitsu has spawned the process with this number: asked of what another user has written */
  constructor(
    private readonly folder: string,
    private readonly wasSpawned: (pid: number) => boolean = () => true,
  ) {}

  /** Creates the folder. Throws where others may write to it, and file system errors. */
  open(): void {
    makeOwnFolder(this.folder, [OUTPUT_FOLDER]);
  }

  /** Whether its folder is still there. */
  get exists(): boolean {
    return existsSync(this.folder);
  }

  /** To be called before a process is spawned. @returns its nonce */
  begin(id: MachineId, nonce = newNonce(), definition?: ProgramDefinition): string {
    writeNewFile(this.#file(id), JSON.stringify({ nonce, definition } satisfies BegunRecord));
    return nonce;
  }

  save(id: MachineId, record: MachineRecord): void {
    replaceFile(this.#file(id), JSON.stringify(record));
  }

  remove(id: MachineId): void {
    rmSync(this.#file(id), { force: true });
  }

  /** The machines that have a record, of whatever content. */
  ids(): MachineId[] {
    return readdirSync(this.folder)
      .map((name) => RECORD.exec(name)?.[1])
      .filter((id) => id !== undefined);
  }

  /**
   * All stored records; undefined for one that names no process.
   * @param onLost told of those, and of those that cannot be read, which are left out, with the error
   */
  load(onLost?: (id: MachineId, error?: unknown) => void): Map<MachineId, MachineRecord | BegunRecord | undefined> {
    const records = new Map<MachineId, MachineRecord | BegunRecord | undefined>();
    for (const id of this.ids()) {
      try {
        const record = this.#read(id);
        records.set(id, record);
        if (record === undefined) onLost?.(id);
      } catch (error) {
        onLost?.(id, error);
      }
    }
    return records;
  }

  #read(id: MachineId): MachineRecord | BegunRecord | undefined {
    try {
      const record = toRecord(JSON.parse(readOwnFile(this.#file(id)) ?? 'null'));
      if (record?.pid === undefined || this.#isOwn(id) || this.wasSpawned(record.pid)) return record;
      // A Jitsu that had given up root, and been taken over, could name any process.
      const { nonce, definition } = record;
      return nonce === undefined ? undefined : { nonce, ...(definition && { definition }) };
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  #isOwn(id: MachineId): boolean {
    return lstatSync(this.#file(id)).uid === process.geteuid?.();
  }

  #file(id: MachineId): string {
    return join(this.folder, `${id}.json`);
  }
}

function toRecord(value: unknown): MachineRecord | BegunRecord | undefined {
  const { pid, startTime, bootId, nonce } = (value ?? {}) as Partial<MachineRecord>;
  if (nonce !== undefined && (typeof nonce !== 'string' || !NONCE.test(nonce))) return undefined;
  const definition = toDefinition((value as Partial<MachineRecord> | undefined | null)?.definition);
  const more = definition && { definition };
  if (pid === undefined) return nonce === undefined ? undefined : { nonce, ...more };
  const isPid = Number.isSafeInteger(pid) && pid > 1 && pid <= HIGHEST_PID;
  if (!isPid || !isShort(startTime) || !isShort(bootId)) return undefined;
  return { pid, startTime, bootId, ...(nonce !== undefined && { nonce }), ...more };
}

/** A start time and a boot id are told by the system, and have less. */
function isShort(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 100;
}
