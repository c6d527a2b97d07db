import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { thisMachine, type Place } from './place.js';

const run = promisify(execFile);

/** A mount namespace with small disks that can be filled. Needs root. They are gone with it. */
export class SmallDisks implements AsyncDisposable {
  /** What is spawned here sees the disks; nobody else does. */
  readonly place: Place = {
    spawn: (program, parameters, options: SpawnOptions) =>
      spawn('nsenter', [...this.#into, program, ...parameters], options),
    ask: (port, name, type) => thisMachine.ask(port, name, type),
  };
  readonly #into: readonly string[];

  private constructor(private readonly keeper: ChildProcess) {
    this.#into = [`--mount=/proc/${String(keeper.pid)}/ns/mnt`];
  }

  static async create(): Promise<SmallDisks> {
    // It ends with its input, and so with this process.
    const keeper = spawn('unshare', ['--mount', 'sh', '-c', 'echo here; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [word] = (await Promise.race([once(keeper.stdout, 'data'), once(keeper, 'exit')])) as [unknown];
    if (!Buffer.isBuffer(word)) throw new Error('no mount namespace can be made here');
    return new SmallDisks(keeper);
  }

  async mount(folder: string, mebibytes: number): Promise<void> {
    mkdirSync(folder, { recursive: true });
    await this.#run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=755`, 'none', folder);
  }

  /** To the last byte. */
  async fill(folder: string): Promise<void> {
    await this.#run('sh', '-c', 'cat /dev/zero > "$0/ballast" 2>/dev/null || true', folder);
  }

  free(folder: string): void {
    rmSync(`/proc/${String(this.keeper.pid)}/root${folder}/ballast`, { force: true });
  }

  async #run(program: string, ...parameters: string[]): Promise<void> {
    await run('nsenter', [...this.#into, program, ...parameters]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.keeper.exitCode !== null || this.keeper.signalCode !== null) return;
    const ended = once(this.keeper, 'exit');
    this.keeper.kill('SIGKILL');
    await ended;
  }
}
