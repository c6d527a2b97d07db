import type { Socket } from 'node:net';

/** In bytes: above it, nothing more is read before what was written has been taken. */
const LONGEST_QUEUE = 256 * 1024;

const NEWLINE = 0x0a;

/** Receives what the other side has sent. */
export interface LineListener {
  onMessage(message: unknown): void;
  /** A line was no JSON, or too long; it is left out, and the next one is read. */
  onMalformed(why: string): void;
  /** What was written has been taken. */
  onDrained?(): void;
}

/**
 * Messages as lines of JSON over a socket, none of them longer than a limit. (Node's own channel between processes has
 * no limit, and what is no JSON ends the process that reads it.)
 */
export class MessageLines {
  #parts: Buffer[] = [];
  #length = 0;

  /** @param longest the most bytes of a line that is read */
  constructor(
    private readonly socket: Socket,
    private readonly longest: number,
    private readonly listener: LineListener,
  ) {
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('drain', () => {
      socket.resume();
      listener.onDrained?.();
    });
  }

  /** Whether the other side does not take what is written. */
  get isFull(): boolean {
    return this.socket.writableLength > LONGEST_QUEUE;
  }

  /** Without effect when the other side is gone. */
  send(message: object): void {
    if (!this.socket.writable) return;
    this.socket.write(`${JSON.stringify(message)}\n`);
    if (this.isFull) this.socket.pause();
  }

  #take(chunk: Buffer): void {
    let start = 0;
    for (let end; (end = chunk.indexOf(NEWLINE, start)) !== -1; start = end + 1) {
      this.#add(chunk.subarray(start, end));
      this.#endLine();
    }
    this.#add(chunk.subarray(start));
  }

  /** Of a line that is too long only the length is kept. */
  #add(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.longest) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  #endLine(): void {
    const [parts, length] = [this.#parts, this.#length];
    this.#parts = [];
    this.#length = 0;
    if (length > this.longest) return this.listener.onMalformed(`longer than ${this.longest} bytes`);
    let message: unknown;
    try {
      message = JSON.parse(Buffer.concat(parts).toString('utf8'));
    } catch {
      return this.listener.onMalformed('no JSON');
    }
    this.listener.onMessage(message);
  }
}
