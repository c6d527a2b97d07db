import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ask } from './ask.js';
import { freePort } from './free-port.js';

/** With a million names, on a busy machine. */
const PATIENCE = 300_000;

const COMMAND = fileURLToPath(new URL('../../../cli/bin/jitsu.js', import.meta.url));

const HEAP_TELLING = ['--expose-gc', '--import', new URL('heap-teller.js', import.meta.url).href];

/** What goes into the configuration beyond its unikernels, and how the process is started. */
export interface JitsuChildOptions {
  readonly dns?: object;
  readonly settings?: object;
  /** Whether it can be asked for its heap, which costs a garbage collection each time. */
  readonly tellsHeap?: boolean;
}

/** The real `jitsu start` as a child process, with a configuration of its own; disposed, it is gone with what it ran. */
export class JitsuChild implements AsyncDisposable {
  private constructor(
    private readonly folder: string,
    private readonly child: ChildProcess,
    readonly pid: number,
    readonly port: number,
    /** From the start of the process to the first answer, in milliseconds. */
    readonly startTime: number,
  ) {}

  /** Resolves when it answers DNS. `probeName` is asked for by a type that wakes nothing. */
  static async start(
    unikernels: readonly object[],
    probeName: string,
    { dns = {}, settings = {}, tellsHeap = false }: JitsuChildOptions = {},
  ): Promise<JitsuChild> {
    const folder = await mkdtemp(join(tmpdir(), 'jitsu-bench-'));
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
      ...(tellsHeap ? HEAP_TELLING : []),
      COMMAND,
      'start',
      '--config',
      file,
      '--control',
      join(folder, 'control.sock'),
    ];
    const channel = tellsHeap ? (['ipc'] as const) : [];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit', ...channel] });
    child.channel?.unref();
    try {
      await once(child, 'spawn');
      const died = once(child, 'exit').then(([status]) => {
        throw new Error(`jitsu start ended with status ${String(status)}`);
      });
      await Promise.race([ask(port, probeName, 'TXT', 20, PATIENCE), died]);
      return new JitsuChild(folder, child, child.pid ?? 0, port, performance.now() - started);
    } catch (error) {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** `jitsu stop NAME` */
  async stop(unikernel: string): Promise<void> {
    const words = [COMMAND, 'stop', unikernel, '--control', join(this.folder, 'control.sock')];
    await promisify(execFile)(process.execPath, words);
  }

  /** What the main thread holds after a garbage collection, in MiB. */
  async heapInUse(): Promise<number> {
    const told = once(this.child, 'message');
    this.child.send('heap');
    const [bytes] = (await told) as [number];
    return bytes / 2 ** 20;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.hasEnded) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
