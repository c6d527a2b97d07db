import type { Duplex } from 'node:stream';

/** The bytes of the length in front of a message. */
const HEADER = 4;

/** What may wait to be written while messages of bounded length are taken, in bytes. */
const UNWRITTEN = 256 * 1_024;

/** What is wrong with what came in place of a message. */
export type Malformed = 'too large' | 'no JSON';

export interface MessageListener {
  message(message: unknown): void;
  /** Something came that is no message; those behind it are taken. */
  malformed?(what: Malformed): void;
  end(): void;
}

/**
 * Messages in JSON over a stream, each with its length in front. Node's own channel between processes ends the process
 * that gets what is no message, and takes messages of any length.
 */
export class MessageStream {
  /** How long a message may be that comes in, in bytes. */
  longest = Infinity;
  #chunks: Buffer[] = [];
  #length = 0;
  /** The bytes that are left of a message that is too large. */
  #skipped = 0;
  #isPaused = false;
  #ended = false;

  constructor(
    private readonly stream: Duplex,
    private readonly listener: MessageListener,
  ) {
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    for (const event of ['error', 'end', 'close']) stream.on(event, () => this.#end());
    stream.on('drain', () => {
      if (this.#isPaused) stream.resume();
      this.#isPaused = false;
    });
  }

  /** Nothing happens where the other side has ended. */
  send(message: object): void {
    this.sendText(JSON.stringify(message));
  }

  /** The same with a message that is JSON already. */
  sendText(text: string): void {
    if (this.#ended) return;
    const bytes = Buffer.allocUnsafe(HEADER + Buffer.byteLength(text));
    bytes.writeUInt32LE(bytes.length - HEADER);
    bytes.write(text, HEADER);
    this.stream.write(bytes);
    // Who may not be trusted, and does not read the answers, is not listened to.
    if (this.longest === Infinity || this.stream.writableLength <= UNWRITTEN) return;
    this.#isPaused = true;
    this.stream.pause();
  }

  /** Ends it when all is written. */
  close(): void {
    this.stream.end();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    for (;;) {
      this.#skip();
      if (this.#skipped > 0 || this.#length < HEADER) return;
      const length = this.#joined(HEADER).readUInt32LE();
      if (length > this.longest) {
        this.#skipped = HEADER + length;
        this.listener.malformed?.('too large');
      } else {
        if (this.#length < HEADER + length) return;
        const bytes = this.#joined(HEADER + length);
        const text = bytes.toString('utf8', HEADER, HEADER + length);
        this.#drop(HEADER + length);
        this.#parse(text);
      }
    }
  }

  #parse(text: string): void {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return this.listener.malformed?.('no JSON');
    }
    this.listener.message(message);
  }

  #skip(): void {
    const bytes = Math.min(this.#skipped, this.#length);
    this.#skipped -= bytes;
    if (bytes > 0) this.#drop(bytes);
  }

  /** The first chunk, with at least so many bytes. */
  #joined(bytes: number): Buffer {
    if ((this.#chunks[0]?.length ?? 0) < bytes) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  #drop(bytes: number): void {
    this.#length -= bytes;
    let left = bytes;
    while (left > 0) {
      const first = this.#chunks[0] as Buffer;
      if (first.length > left) {
        this.#chunks[0] = first.subarray(left);
        return;
      }
      left -= first.length;
      this.#chunks.shift();
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.listener.end();
  }
}
