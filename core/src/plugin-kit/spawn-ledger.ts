import { mkdirSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { restoreRuntimeFolder } from '../files/restore-own-folder.js';
import { writeNewFile } from '../files/write-file.js';
import { startTimeOf } from './process-stat.js';

/**
 * What was spawned since Jitsu gave up root: a folder of root's with a file for each running process, named after its
 * number, that holds its start time. The records of Jitsu itself could name any process once it has been taken over, and
 * the next one, which starts as root, would take that for a program of its own.
 */
export class SpawnLedger {
  readonly #folder: string;

  constructor(readonly runtimeDirectory: string) {
    this.#folder = join(runtimeDirectory, 'spawned');
  }

  /** Makes the folder, and forgets processes that have ended. To be called as root. Throws file system errors. */
  open(): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(this.#folder)) if (!this.has(Number(name))) this.forget(Number(name));
  }

  /** Throws file system errors. */
  add(pid: number): void {
    const startTime = startTimeOf(pid);
    if (startTime === undefined) return;
    // Somebody may have removed it, with the runtime folder, and may have put another one there.
    restoreRuntimeFolder(this.runtimeDirectory);
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    writeNewFile(this.#file(pid), startTime);
  }

  forget(pid: number): void {
    try {
      unlinkSync(this.#file(pid));
    } catch {
      // It is looked at again by the next start.
    }
  }

  /** Whether a process that was spawned has this number still. */
  has(pid: number): boolean {
    try {
      return readFileSync(this.#file(pid), 'latin1') === startTimeOf(pid);
    } catch {
      return false;
    }
  }

  #file(pid: number): string {
    return join(this.#folder, String(pid));
  }
}
