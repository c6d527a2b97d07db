import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { forkChild, inheritedEnvironment } from '@jitsud/core/plugin';
import type { Report, Seal } from '#libxl/sealed/messages.js';
import { eventually } from '#core/testing/eventually.js';

const PROGRAM = new URL(import.meta.resolve('#libxl/sealed/sealed-host-program.js'));

/** Plays a Jitsu that has been taken over: it has the process of root, and writes what it likes to it. */
export class TakenOverMain implements AsyncDisposable {
  readonly reports: Report[] = [];
  errors = '';
  readonly child: ChildProcess;
  readonly socket: Socket;
  #text = '';
  #lastId = 1_000_000;

  private constructor(seal: Seal) {
    this.child = forkChild(PROGRAM, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
      env: inheritedEnvironment(),
    });
    this.child.stderr?.on('data', (text: Buffer) => (this.errors += text.toString()));
    this.socket = this.child.stdio[4] as Socket;
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk) => this.#take(chunk.toString()));
    this.child.send(seal);
  }

  static async start(seal: Seal): Promise<TakenOverMain> {
    const main = new TakenOverMain(seal);
    await eventually(() => {
      if (main.opening === undefined) throw new Error(`it has said nothing, but ${main.errors}`);
    });
    return main;
  }

  /** Whether Xen can be used, once that is known. */
  get opening(): Report | undefined {
    return this.reports.find(({ kind }) => kind === 'open' || kind === 'unusable');
  }

  /** Writes one line. */
  write(message: unknown): void {
    this.socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Gives an order, with an id of its own, and waits for what comes of it. */
  async order(order: object): Promise<Extract<Report, { kind: 'result' | 'failure' }>> {
    const id = ++this.#lastId;
    this.write({ id, ...order });
    return this.answerTo(id);
  }

  async answerTo(id: number): Promise<Extract<Report, { kind: 'result' | 'failure' }>> {
    return eventually(() => {
      const report = this.reports.find(
        (each): each is Extract<Report, { kind: 'result' | 'failure' }> => 'id' in each && each.id === id,
      );
      if (report === undefined) throw new Error(`order ${id} was not answered; ${this.errors}`);
      return report;
    });
  }

  /** In bytes. */
  get memory(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    if (this.isAlive) await once(this.child, 'exit');
  }

  #take(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) this.reports.push(JSON.parse(line) as Report);
  }
}
