import type { Duplex } from 'node:stream';

/** How long a line may be, in characters; longer ones are thrown away. */
export const LONGEST_LINE = 256 * 1_024;

/** What may wait to be written, in bytes. */
const UNWRITTEN = 8 * 1_024 * 1_024;

/**
 * Messages in JSON, one a line. Where one side dies within a line, its successor begins the next one with a line break:
 * what is no message is left out, and nothing behind it is.
 */
export class LineStream {
  #rest = '';
  #skips = false;

  /** @param onEnd called once; nothing is received afterwards */
  constructor(
    private readonly stream: Duplex,
    private readonly onMessage: (message: unknown) => void,
    onEnd: () => void,
  ) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => this.#take(text));
    let ended = false;
    for (const event of ['error', 'end', 'close']) {
      stream.on(event, () => {
        if (!ended) onEnd();
        ended = true;
      });
    }
  }

  /** @returns whether it will be taken; not where the other side does not read, or has ended, or it is too long */
  send(message: object): boolean {
    if (!this.stream.writable || this.stream.writableLength > UNWRITTEN) return false;
    const line = JSON.stringify(message);
    if (line.length > LONGEST_LINE) return false;
    this.stream.write(`${line}\n`);
    return true;
  }

  /** Ends a line that a predecessor may have begun. */
  breakLine(): void {
    if (this.stream.writable) this.stream.write('\n');
  }

  #take(text: string): void {
    const lines = text.split('\n');
    lines[0] = this.#rest + (lines[0] as string);
    this.#rest = lines.pop() as string;
    for (const line of lines) {
      if (this.#skips) this.#skips = false;
      else if (line !== '') this.#parse(line);
    }
    if (this.#rest.length <= LONGEST_LINE) return;
    this.#rest = '';
    this.#skips = true;
  }

  #parse(line: string): void {
    if (line.length > LONGEST_LINE) return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      return;
    }
    this.onMessage(message);
  }
}
