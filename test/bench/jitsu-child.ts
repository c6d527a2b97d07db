import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ask } from './ask.js';
import { freePort } from '../support/free-port.js';
import { onInterruption } from '../support/interruption.js';
import { openTree, OWN_TREE, type Tree } from './comparison/tree.js';

/** With a million names, on a busy machine. */
const PATIENCE = 300_000;

const TELLING = ['--expose-gc', '--import', new URL('main-thread-teller.js', import.meta.url).href];

/** What goes into the configuration beyond its unikernels, and how the process is started. */
export interface JitsuChildOptions {
  readonly dns?: object;
  readonly settings?: object;
  /** Whether its main thread can be asked for its state. */
  readonly tells?: boolean;
  /** The checkout whose Jitsu it is; without it, that of this bench. */
  readonly tree?: Tree | undefined;
}

/** What the main thread holds after a garbage collection, in MiB, and how late it was at most since the last time, in ms. */
export interface MainThreadState {
  readonly heap: number;
  readonly latest: number;
}

/** The real `jitsu start` as a child process, with a configuration of its own; disposed, it is gone with what it ran. */
export class JitsuChild implements AsyncDisposable {
  private constructor(
    private readonly folder: string,
    private readonly tree: Tree,
    private readonly child: ChildProcess,
    private readonly interruption: Disposable,
    readonly pid: number,
    readonly port: number,
    /** From the start of the process to the first answer, in milliseconds. */
    readonly startTime: number,
  ) {}

  /** Resolves when it answers DNS. `probeName` is asked for by a type that wakes nothing. */
  static async start(
    unikernels: readonly object[],
    probeName: string,
    { dns = {}, settings = {}, tells = false, tree = openTree('here', OWN_TREE) }: JitsuChildOptions = {},
  ): Promise<JitsuChild> {
    const folder = await mkdtemp(join(inMemory(), 'jitsu-bench-'));
    // As root, Jitsu becomes another user, who has to get to its runtime folder.
    await chmod(folder, 0o711);
    const port = await freePort();
    const file = join(folder, 'jitsu.config.json');
    const configuration = {
      dns: { bind: '127.0.0.1', port, ttl: 3_600, forwarders: 'off', ...dns },
      runtimeDirectory: join(folder, 'run'),
      stop: { onExit: 'stop' },
      log: { level: 'error' },
      ...settings,
      unikernels,
    };
    await writeFile(file, JSON.stringify(configuration));
    const started = performance.now();
    const words = [
      ...(tells ? TELLING : []),
      tree.command,
      'start',
      '--config',
      file,
      '--control',
      join(folder, 'control.sock'),
    ];
    const channel = tells ? (['ipc'] as const) : [];
    const child = spawn(process.execPath, words, {
      cwd: tree.folder,
      env: { ...process.env, RUNTIME_DIRECTORY: join(folder, 'run') },
      stdio: ['ignore', 'ignore', 'inherit', ...channel],
    });
    child.channel?.unref();
    const interruption = onInterruption(() => end(child, folder));
    try {
      await once(child, 'spawn');
      const died = once(child, 'exit').then(([status]) => {
        throw new Error(`jitsu start ended with status ${String(status)}`);
      });
      await Promise.race([ask(port, probeName, 'TXT', 20, PATIENCE), died]);
      return new JitsuChild(folder, tree, child, interruption, child.pid ?? 0, port, performance.now() - started);
    } catch (error) {
      interruption[Symbol.dispose]();
      child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** `jitsu stop NAME` */
  async stop(unikernel: string): Promise<void> {
    const words = [this.tree.command, 'stop', unikernel, '--control', join(this.folder, 'control.sock')];
    await promisify(execFile)(process.execPath, words, { cwd: this.tree.folder });
  }

  /** Asks the main thread for its state, which costs it a garbage collection. */
  async mainThread(): Promise<MainThreadState> {
    const told = once(this.child, 'message');
    this.child.send('tell');
    return ((await told) as [MainThreadState])[0];
  }

  get hasEnded(): boolean {
    return hasEnded(this.child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.child, this.folder);
    this.interruption[Symbol.dispose]();
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (!hasEnded(child)) {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
  await rm(folder, { recursive: true, force: true });
}

/** Where a runtime directory lies in earnest, /run, is memory. */
function inMemory(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
}
