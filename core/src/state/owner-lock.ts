import { linkSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../errors.js';
import { identityOf, isAlive, isProcessIdentity, type ProcessIdentity } from './process-identity.js';

/**
 * Makes one process the owner of something on the disk. The lock of a process that is gone, killed or not, is taken
 * over by the next one that asks.
 *
 * The lock is a file `PATH.N.lock` that names the owner's process. It is taken by making the file of the next number,
 * which only one process can; the highest number counts, and its file is never removed, only emptied on release. So no
 * one ever removes a lock that another process has just taken.
 */
export class OwnerLock {
  readonly #folder: string;
  readonly #name: string;
  #held: number | undefined;

  /** @param path the file names' beginning; its folder exists */
  constructor(path: string) {
    this.#folder = dirname(path);
    this.#name = basename(path);
  }

  /** Returns the living owner where there is one; otherwise this process owns the lock now. Throws what the disk says. */
  acquire(): ProcessIdentity | undefined {
    const own = identityOf(process.pid) ?? { pid: process.pid, started: '', boot: '' };
    for (;;) {
      const latest = Math.max(0, ...this.#numbers());
      const owner = latest === 0 ? undefined : this.#owner(latest);
      if (owner !== undefined && isAlive(owner)) return owner;
      if (this.#make(latest + 1, own)) return undefined;
    }
  }

  /** The living owner, whoever that is. */
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
      // A disk that takes nothing any more keeps our name; it will stand for a process that is gone.
    }
  }

  /** Whether the number was still free, and nobody has gone past it meanwhile. */
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

  /** What the file says; a released lock, and one that a crash of the machine has left garbled, has no owner. */
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
