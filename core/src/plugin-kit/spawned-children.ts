import { spawn } from 'node:child_process';
import type { Exit } from '../contracts/spawner.js';
import { loadPosixSpawn, type Child, type PosixSpawn } from './posix-spawn.js';

/** How long after the first child posix_spawn is loaded, in milliseconds: the first boot is not held up. */
const LOAD_DELAY = 100;

export interface ChildOptions extends Child {
  /** As whom it runs, without supplementary groups. */
  readonly account: { readonly uid: number; readonly gid: number } | undefined;
  /** Whether nobody wants to know when it is stopped or continued. */
  readonly temporary: boolean;
}

interface ChildListener {
  started(pid: number): void;
  /** With the system's error. */
  failed(error: unknown): void;
  ended(exit: Exit): void;
}

/**
 * The children of this process. They are spawned by posix_spawn(3) once it is loaded, except for those of other users,
 * which Node forks: that takes half the time of setpriv(1), and tells what cannot be executed.
 */
export class SpawnedChildren {
  #posix: PosixSpawn | undefined;
  #isLoading = false;
  /** Those that posix_spawn has spawned. */
  readonly #listeners = new Map<number, ChildListener>();
  readonly #temporary = new Set<number>();
  #ofNode = 0;

  /** @param onChange called when a child that is not temporary was stopped or continued, or when that may be */
  constructor(private readonly onChange: () => void) {
    // Node reports only ends. The signal also comes when a child was stopped or continued (sigaction(2)).
    process.on('SIGCHLD', () => this.#look());
  }

  start(child: ChildOptions, listener: ChildListener): void {
    this.#load();
    if (this.#posix === undefined || child.account !== undefined) return this.#startByNode(child, listener);
    let pid: number;
    try {
      pid = this.#posix.spawn(child);
    } catch (error) {
      return listener.failed(error);
    }
    this.#listeners.set(pid, listener);
    if (child.temporary) this.#temporary.add(pid);
    listener.started(pid);
  }

  #startByNode(
    { program, words, variables, account, temporary, ...files }: ChildOptions,
    listener: ChildListener,
  ): void {
    const { out = 'ignore', errors = 'ignore', more = [] } = files;
    const [argv0, ...parameters] = words;
    const options = { argv0, env: variables, detached: true, ...account } as const;
    const spawned = spawn(program, parameters, { ...options, stdio: ['ignore', out, errors, ...more] });
    const { pid } = spawned;
    if (pid === undefined) return void spawned.once('error', (error) => listener.failed(error));
    this.#ofNode += 1;
    if (temporary) this.#temporary.add(pid);
    spawned.once('exit', (status, signal) => {
      this.#ofNode -= 1;
      this.#temporary.delete(pid);
      listener.ended({ ...(status === null ? {} : { status }), ...(signal === null ? {} : { signal }) });
    });
    listener.started(pid);
  }

  #load(): void {
    if (this.#isLoading) return;
    this.#isLoading = true;
    setTimeout(() => void loadPosixSpawn().then((posix) => (this.#posix = posix)), LOAD_DELAY).unref();
  }

  /** The signal does not say how many children it is about, or which. */
  #look(): void {
    if (this.#posix === undefined) return this.onChange();
    for (let change = this.#posix.nextChange(); change !== undefined; change = this.#posix.nextChange()) {
      const { pid, exit } = change;
      if (exit === undefined) {
        if (!this.#temporary.has(pid)) this.onChange();
        continue;
      }
      const listener = this.#listeners.get(pid);
      if (listener === undefined && this.#ofNode > 0) {
        // Node takes that one itself; behind it there may be others.
        setImmediate(() => this.#look());
        return;
      }
      this.#posix.take(pid);
      this.#listeners.delete(pid);
      this.#temporary.delete(pid);
      listener?.ended(exit);
    }
  }
}
