import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask } from '../ask.js';
import { freePort } from '../../support/free-port.js';
import { onInterruption } from '../../support/interruption.js';
import type { Contestant } from './contestant.js';

/** The words of a command line that answers DNS on this port and may keep files in this folder. */
export type ServerCommand = (port: number, folder: string) => readonly string[] | Promise<readonly string[]>;

/** Any DNS server in a process of its own, with a folder of its own. */
export class ServerChild implements Contestant {
  readonly pid: number;

  private constructor(
    readonly label: string,
    readonly port: number,
    private readonly folder: string,
    private readonly child: ChildProcess,
    private readonly interruption: Disposable,
  ) {
    this.pid = child.pid ?? 0;
  }

  /** Resolves when it answers for this name, whatever it says. */
  static async start(label: string, name: string, command: ServerCommand): Promise<ServerChild> {
    const folder = await mkdtemp(join(tmpdir(), 'jitsu-bench-'));
    let child: ChildProcess | undefined;
    const interruption = onInterruption(() => end(child, folder));
    try {
      const port = await freePort();
      const [program = '', ...words] = await command(port, folder);
      child = spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit'] });
      const died = once(child, 'exit').then(([status]) => {
        throw new Error(`${label} ended with status ${String(status)} before it answered`);
      });
      await Promise.race([ask(port, name, 'A', 20), died]);
      return new ServerChild(label, port, folder, child, interruption);
    } catch (error) {
      interruption[Symbol.dispose]();
      await end(child, folder);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.child, this.folder);
    this.interruption[Symbol.dispose]();
  }
}

async function end(child: ChildProcess | undefined, folder: string): Promise<void> {
  if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  await rm(folder, { recursive: true, force: true });
}
