import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { forkChild, inheritedEnvironment, MessageStream } from '@jitsud/core/plugin';
import type { Report, Seal } from '#libxl/sealed/messages.js';
import { eventually } from '#core/testing/eventually.js';

const PROGRAM = new URL(import.meta.resolve('#libxl/sealed/sealed-host-program.js'));
const TELL_MEMORY = new URL('../tell-memory.js', import.meta.url).href;

/** Plays a Jitsu that has been taken over: it has the process of root, and writes what it likes to it. */
export class TakenOverMain implements AsyncDisposable {
  readonly reports: Report[] = [];
  #said = '';
  readonly child: ChildProcess;
  readonly socket: Socket;
  readonly #stream: MessageStream;
  #lastId = 1_000_000;

  private constructor(seal: Seal) {
    this.child = forkChild(PROGRAM, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
      env: { ...inheritedEnvironment(), NODE_OPTIONS: `--import=${TELL_MEMORY}` },
    });
    this.child.stderr?.on('data', (text: Buffer) => (this.#said += text.toString()));
    this.socket = this.child.stdio[4] as Socket;
    this.#stream = new MessageStream(this.socket, {
      message: (message) => this.reports.push(message as Report),
      end: () => undefined,
    });
    this.child.send(seal);
  }

  static async start(seal: Seal): Promise<TakenOverMain> {
    const main = new TakenOverMain(seal);
    await eventually(() => {
      if (main.opening === undefined) throw new Error(`it has said nothing, but ${main.errors}`);
    });
    return main;
  }

  /** What it writes to its errors by itself. */
  get errors(): string {
    return this.#said.replaceAll(/^held: .*\n/gm, '');
  }

  /** Whether Xen can be used, once that is known. */
  get opening(): Report | undefined {
    return this.reports.find(({ kind }) => kind === 'open' || kind === 'unusable');
  }

  /** Sends a message of any form. */
  write(message: unknown): void {
    this.#stream.send(message as object);
  }

  /** Sends bytes as a message, which says that it is so long. @returns whether more may be written at once */
  writeBytes(bytes: Buffer | string, length = Buffer.byteLength(bytes)): boolean {
    const header = Buffer.alloc(4);
    header.writeUInt32LE(length);
    return this.socket.write(Buffer.concat([header, Buffer.from(bytes as string)]));
  }

  /** Takes no reports until its socket is resumed. */
  deafen(): void {
    // The stream would resume it.
    this.socket.removeAllListeners('drain');
    this.socket.pause();
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

  /** What it holds, in bytes: what is garbage waits for its collector's mood. */
  async heldMemory(): Promise<number> {
    const from = this.#said.length;
    this.child.kill('SIGUSR2');
    return eventually(() => {
      const [, bytes] = /^held: (\d+)$/m.exec(this.#said.slice(from)) ?? [];
      if (bytes === undefined) throw new Error(`it does not say what it holds; ${this.errors}`);
      return Number(bytes);
    });
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    if (this.isAlive) await once(this.child, 'exit');
  }
}
