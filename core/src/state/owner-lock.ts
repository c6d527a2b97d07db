import { linkSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorCode, isDiskFull } from '../errors.js';
import { readOwnFile } from '../files/read-file.js';
import { writeNewFile } from '../files/write-file.js';
import { identityOf, isAlive, isProcessIdentity, type ProcessIdentity } from './process-identity.js';

/**
 * Makes one process the owner of something on the disk. The next process that asks takes over the lock of a process
 * that has ended, killed or not.
 *
 * The lock is a file `PATH.N.lock` that names the owner's process. A process takes the lock by creating the file of the
 * next number, which only one process can, and gives it up again if another living process has a file by then: numbers
 * begin anew once a file is removed, so that two processes may create different ones.
 */
export class OwnerLock {
  readonly #folder: string;
  readonly #name: string;
  #held: { readonly file: string; readonly text: string } | undefined;

  /** @param path the prefix of the lock files; its folder exists */
  constructor(path: string) {
    this.#folder = dirname(path);
    this.#name = basename(path);
  }

  /** The living owner, whoever it is. Throws file system errors. */
  get owner(): ProcessIdentity | undefined {
    return this.#livingOwner(this.#numbers());
  }

  /** Returns the living owner, or `undefined` when this process owns the lock now. Throws file system errors. */
  acquire(): ProcessIdentity | undefined {
    const own = identityOf(process.pid) ?? { pid: process.pid, started: '', boot: '' };
    for (;;) {
      const numbers = this.#numbers();
      const owner = this.#livingOwner(numbers);
      if (owner !== undefined) return owner;
      if (this.#make(Math.max(0, ...numbers) + 1, own)) return undefined;
    }
  }

  /**
   * The same, but on a full disk, where no owner can be written down, nobody becomes the owner.
   * @param tellFull is then called with the error
   */
  acquireUnlessFull(tellFull: (error: unknown) => void = () => undefined): ProcessIdentity | undefined {
    try {
      return this.acquire();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      tellFull(error);
      return undefined;
    }
  }

  /** Removes the lock file, unless it is another process's by now. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    try {
      if (readOwnFile(held.file) === held.text) rmSync(held.file, { force: true });
    } catch {
      // On a failed disk the file keeps this process's identity, which is dead to the next one that reads it.
    }
  }

  /** Creates the lock file; `false` if the number is taken, or another living process has a file by now. */
  #make(number: number, own: ProcessIdentity): boolean {
    const file = this.#file(number);
    const draft = `${file}.${process.pid}`;
    const text = `${JSON.stringify(own)}\n`;
    try {
      writeNewFile(draft, text, { flush: true });
      linkSync(draft, file);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const others = this.#numbers().filter((other) => other !== number);
    if (this.#livingOwner(others) !== undefined) {
      rmSync(file, { force: true });
      return false;
    }
    for (const other of others) rmSync(this.#file(other), { force: true });
    this.#held = { file, text };
    return true;
  }

  #numbers(): number[] {
    return readdirSync(this.#folder).flatMap((entry) => {
      if (!entry.startsWith(`${this.#name}.`) || !entry.endsWith('.lock')) return [];
      const number = entry.slice(this.#name.length + 1, -'.lock'.length);
      return /^[1-9]\d*$/.test(number) ? [Number(number)] : [];
    });
  }

  #livingOwner(numbers: readonly number[]): ProcessIdentity | undefined {
    return numbers.map((number) => this.#owner(number)).find((owner) => owner !== undefined && isAlive(owner));
  }

  /** The owner recorded in the file; none in a link, one that is removed, or was garbled by a crash of the machine. */
  #owner(number: number): ProcessIdentity | undefined {
    try {
      const owner: unknown = JSON.parse(readOwnFile(this.#file(number)) ?? 'null');
      return isProcessIdentity(owner) ? owner : undefined;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  #file(number: number): string {
    return join(this.#folder, `${this.#name}.${number}.lock`);
  }
}
