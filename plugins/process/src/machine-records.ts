import { errorCode, type MachineId } from '@jitsud/core/plugin';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The process of a unikernel. */
export interface MachineRecord {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

const RECORD = /^([0-9a-f-]{36})\.json$/;

/**
 * Stores, for the next Jitsu, which processes belong to it: one file per running process. An empty file means that a
 * process may have been spawned without its pid being saved.
 */
export class MachineRecords {
  constructor(private readonly folder: string) {}

  /** Creates the folder. */
  open(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
  }

  /** To be called before a process is spawned. */
  begin(id: MachineId): void {
    writeFileSync(this.#file(id), '', { mode: 0o600 });
  }

  save(id: MachineId, record: MachineRecord): void {
    const draft = `${this.#file(id)}.new`;
    writeFileSync(draft, JSON.stringify(record), { mode: 0o600 });
    renameSync(draft, this.#file(id));
  }

  remove(id: MachineId): void {
    rmSync(this.#file(id), { force: true });
  }

  /** All stored records; undefined for a process that was begun and not saved. */
  load(): Map<MachineId, MachineRecord | undefined> {
    const records = new Map<MachineId, MachineRecord | undefined>();
    for (const name of readdirSync(this.folder)) {
      const id = RECORD.exec(name)?.[1];
      if (id !== undefined) records.set(id, this.#read(id));
    }
    return records;
  }

  #read(id: MachineId): MachineRecord | undefined {
    try {
      return toRecord(JSON.parse(readFileSync(this.#file(id), 'utf8')));
    } catch (error) {
      if (error instanceof SyntaxError || errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  #file(id: MachineId): string {
    return join(this.folder, `${id}.json`);
  }
}

function toRecord(value: unknown): MachineRecord | undefined {
  const { pid, startTime, bootId } = (value ?? {}) as Partial<MachineRecord>;
  const whole =
    Number.isSafeInteger(pid) && Number(pid) > 1 && typeof startTime === 'string' && typeof bootId === 'string';
  return whole ? (value as MachineRecord) : undefined;
}
