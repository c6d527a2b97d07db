import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '#core/net/endpoint.js';
import { freePort } from './free-port.js';
import { listensOn } from './listens-on.js';
import { TemporaryFolder } from './temporary-folder.js';

/** Somebody else may take a port before the daemon does. */
const ATTEMPTS = 5;
const START_LIMIT = 30_000;

/** Where a daemon is started: here, or in a network namespace. */
export interface DaemonPlace {
  spawn(program: string, parameters: readonly string[], options?: SpawnOptions): ChildProcess;
}

/** What a daemon is started with; its configuration is written into the folder, which goes with it. */
export type DaemonConfigurator = (port: number, folder: TemporaryFolder) => readonly string[];

const here: DaemonPlace = { spawn: (program, parameters, options = {}) => spawn(program, parameters, options) };

/**
 * A name server of somebody else's make, as a child process with a folder of its own, on a port of 127.0.0.1 that was
 * free. Disposed, nothing of it is left.
 */
export class NameDaemon implements AsyncDisposable {
  private constructor(
    readonly endpoint: Endpoint,
    private readonly child: ChildProcess,
    private readonly folder: TemporaryFolder,
    private readonly output: { text: string },
  ) {}

  /** Resolves when it listens; rejects with what it had to say if it does not. */
  static async start(
    program: string,
    configure: DaemonConfigurator,
    { place = here, port }: { readonly place?: DaemonPlace; readonly port?: number } = {},
  ): Promise<NameDaemon> {
    for (let attempt = 1; ; attempt++) {
      const chosen = port ?? (await freePort());
      const folder = new TemporaryFolder();
      const child = place.spawn(program, configure(chosen, folder), { stdio: ['ignore', 'pipe', 'pipe'] });
      const output = { text: '' };
      const onText = (text: string): void => void (output.text += text);
      child.stdout?.setEncoding('utf8').on('data', onText);
      child.stderr?.setEncoding('utf8').on('data', onText);
      child.on('error', (error) => onText(error.message));
      const daemon = new NameDaemon({ address: '127.0.0.1', port: chosen }, child, folder, output);
      if (await daemon.untilListening()) return daemon;
      await daemon[Symbol.asyncDispose]();
      if (attempt === ATTEMPTS) throw new Error(`${program} does not listen; it says:\n${output.text}`);
    }
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** All that it has printed so far. */
  get log(): string {
    return this.output.text;
  }

  /** Halts it (`SIGSTOP`), so that it takes queries and answers none, or lets it go on (`SIGCONT`). */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await ended;
    }
    this.folder[Symbol.dispose]();
  }

  private get isRunning(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  private async untilListening(): Promise<boolean> {
    for (const limit = Date.now() + START_LIMIT; this.isRunning && Date.now() < limit; await sleep(20)) {
      if (listensOn(this.pid, this.endpoint.port)) return true;
    }
    return false;
  }
}
