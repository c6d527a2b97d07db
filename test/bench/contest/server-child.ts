import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask } from '../ask.js';
import { freePort } from '../../support/free-port.js';
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
  ) {
    this.pid = child.pid ?? 0;
  }

  /** Resolves when it answers for this name, whatever it says. */
  static async start(label: string, name: string, command: ServerCommand): Promise<ServerChild> {
    const folder = await mkdtemp(join(tmpdir(), 'jitsu-bench-'));
    let child: ChildProcess | undefined;
    try {
      const port = await freePort();
      const [program = '', ...words] = await command(port, folder);
      child = spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit'] });
      const died = once(child, 'exit').then(([status]) => {
        throw new Error(`${label} ended with status ${String(status)} before it answered`);
      });
      await Promise.race([ask(port, name, 'A', 20), died]);
      return new ServerChild(label, port, folder, child);
    } catch (error) {
      child?.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
