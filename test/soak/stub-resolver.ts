import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { queryBytes } from '../support/dns-message.js';

/** As a stub resolver does: three times, with as long in between (milliseconds). */
const ATTEMPTS = 3;
const PATIENCE = 5_000;

interface Waiting {
  readonly question: string;
  readonly settle: (message: Buffer) => void;
}

/** What came back, and how often it was asked for. */
export interface StubAnswer {
  readonly message: Buffer;
  readonly attempts: number;
}

/** Asks a DNS server on 127.0.0.1 over UDP from one socket, many queries at once. */
export class StubResolver implements Disposable {
  readonly #waiting = new Map<number, Waiting>();
  #id = 0;

  private constructor(private readonly socket: Socket) {
    socket.on('message', (message) => this.#take(message));
    socket.on('error', () => undefined);
  }

  static async open(port: number): Promise<StubResolver> {
    const socket = createSocket('udp4');
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new StubResolver(socket);
  }

  /** Resolves to nothing when all attempts were in vain. */
  async ask(name: string, type = 'A'): Promise<StubAnswer | undefined> {
    const query = Buffer.from(queryBytes(name, { type, edns: {} }));
    for (let attempts = 1; attempts <= ATTEMPTS; attempts += 1) {
      const message = await this.#exchange(query, questionOf(query));
      if (message !== undefined) return { message, attempts };
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }

  #exchange(query: Buffer, question: string): Promise<Buffer | undefined> {
    const id = this.#nextId();
    query.writeUInt16BE(id, 0);
    return new Promise((resolve) => {
      const late = setTimeout(() => settle(undefined), PATIENCE);
      const settle = (message: Buffer | undefined): void => {
        clearTimeout(late);
        this.#waiting.delete(id);
        resolve(message);
      };
      this.#waiting.set(id, { question, settle });
      this.socket.send(query);
    });
  }

  #nextId(): number {
    do this.#id = (this.#id + 1) & 0xffff;
    while (this.#waiting.has(this.#id));
    return this.#id;
  }

  #take(message: Buffer): void {
    if (message.length < 12) return;
    const waiting = this.#waiting.get(message.readUInt16BE(0));
    if (waiting?.question === questionOf(message)) waiting.settle(message);
  }
}

/** The bytes of the question, which nothing precedes but the header. */
function questionOf(message: Buffer): string {
  let end = 12;
  for (let length = message[end] ?? 0; length !== 0; length = message[end] ?? 0) end += length + 1;
  return message.toString('latin1', 12, end + 5);
}
