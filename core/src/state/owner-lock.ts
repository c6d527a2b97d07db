import { linkSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../errors.js';
import { identityOf, isAlive, isProcessIdentity, type ProcessIdentity } from './process-identity.js';

/**
 * Makes one process the owner of something on the disk. The next process that asks takes over the lock of a process
 * that has ended, killed or not.
 *
 * The lock is a file `PATH.N.lock` that names the owner's process. A process takes it by creating the file of the next
 * number, which only one process can. The highest number counts, and its file is emptied on release but never removed,
 * so that no process removes a lock that another one has just taken.
 */
export class OwnerLock {
  readonly #folder: string;
  readonly #name: string;
  #held: number | undefined;

  /** @param path the prefix of the lock files; its folder exists */
  constructor(path: string) {
    this.#folder = dirname(path);
    this.#name = basename(path);
  }

  /** Returns the living owner, or `undefined` when this process owns the lock now. Throws file system errors. */
  acquire(): ProcessIdentity | undefined {
    const own = identityOf(process.pid) ?? { pid: process.pid, started: '', boot: '' };
    for (;;) {
      const latest = Math.max(0, ...this.#numbers());
      const owner = latest === 0 ? undefined : this.#owner(latest);
      if (owner !== undefined && isAlive(owner)) return owner;
      if (this.#make(latest + 1, own)) return undefined;
    }
  }

  /** The living owner, this process or another one. */
  owner(): ProcessIdentity | undefined {
    const latest = Math.max(0, ...this.#numbers());
    const owner = latest === 0 ? undefined : this.#owner(latest);
    return owner !== undefined && isAlive(owner) ? owner : undefined;
  }

  release(): void {
    if (this.#held === undefined) return;
    const file = this.#file(this.#held);
    this.#held = undefined;
    try {
      truncateSync(file);
    } catch {
      // On a full or failed disk the file keeps this process's identity, which is dead to the next one that reads it.
    }
  }

  /** Creates the lock file; `false` if the number is taken or another process holds a higher one by now. */
  #make(number: number, own: ProcessIdentity): boolean {
    const file = this.#file(number);
    const draft = `${file}.${process.pid}`;
    try {
      writeFileSync(draft, `${JSON.stringify(own)}\n`, { mode: 0o600, flush: true });
      linkSync(draft, file);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const numbers = this.#numbers();
    if (numbers.some((other) => other > number)) {
      rmSync(file, { force: true });
      return false;
    }
    for (const other of numbers) if (other < number) rmSync(this.#file(other), { force: true });
    this.#held = number;
    return true;
  }

  #numbers(): number[] {
    return readdirSync(this.#folder).flatMap((entry) => {
      if (!entry.startsWith(`${this.#name}.`) || !entry.endsWith('.lock')) return [];
      const number = entry.slice(this.#name.length + 1, -'.lock'.length);
      return /^[1-9]\d*$/.test(number) ? [Number(number)] : [];
    });
  }

  /** The owner recorded in the file; none in a released lock or in one garbled by a crash of the machine. */
  #owner(number: number): ProcessIdentity | undefined {
    try {
      const owner: unknown = JSON.parse(readFileSync(this.#file(number), 'utf8'));
      return isProcessIdentity(owner) ? owner : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  #file(number: number): string {
    return join(this.#folder, `${this.#name}.${number}.lock`);
  }
}
