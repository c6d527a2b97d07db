import { fstatSync, writeSync } from 'node:fs';
import { errorMessage } from '../errors.js';

/** What a log is written to: standard error, or any other stream. */
export type LogStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly fd?: number;
  readonly writableLength?: number;
};

/** The most that waits for a reader of the log that does not read, in characters. */
const LONGEST_QUEUE = 1_048_576;

/**
 * Writes lines and never fails: a line that cannot be written, since the disk is full or the reader does not read, is
 * counted, and the next one that can be written comes after a notice of how many were lost, and why.
 */
export class LogOutput {
  readonly #file: number | undefined;
  #lost = 0;
  #reason = '';
  /** Whether the file ends within a line. */
  #isTorn = false;

  /** @param notice makes a line of the log of a message */
  constructor(
    private readonly stream: LogStream,
    private readonly notice: (message: string) => string,
  ) {
    if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
    this.#file = regularFileOf(stream);
    keepFromWaiting(stream);
  }

  write(line: string): void {
    if ((this.stream.writableLength ?? 0) > LONGEST_QUEUE) {
      this.#lose(1, 'its reader does not read');
      return;
    }
    const owed = this.#lost;
    this.#lost = 0;
    const text = owed === 0 ? line : `${this.notice(this.#lossInWords(owed))}${line}`;
    if (this.#file === undefined) {
      this.stream.write(text, (error) => {
        if (error) this.#lose(owed + 1, errorMessage(error));
      });
      return;
    }
    try {
      this.#append(this.#file, this.#isTorn ? `\n${text}` : text);
    } catch (error) {
      this.#lose(owed + 1, errorMessage(error));
    }
  }

  #lose(count: number, reason: string): void {
    this.#lost += count;
    this.#reason = reason;
  }

  #lossInWords(count: number): string {
    return `${count === 1 ? '1 line of the log is' : `${count} lines of the log are`} lost: ${this.#reason}`;
  }

  /** A stream of Node's would not notice that write(2) takes a part only, as on a disk that is nearly full. */
  #append(file: number, text: string): void {
    const bytes = Buffer.from(text);
    for (let written = 0; written < bytes.length;) {
      written += writeSync(file, bytes, written);
      this.#isTorn = written < bytes.length;
    }
  }
}

function ignore(): void {}

function regularFileOf({ fd }: LogStream): number | undefined {
  try {
    return fd !== undefined && fstatSync(fd).isFile() ? fd : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A terminal that takes nothing, by Ctrl-S or as its connection is lost, must not hold up who writes to it. Node opens
 * it anew for itself; where it may not, the shell has the same open file, whose mode stays.
 */
function keepFromWaiting(stream: LogStream): void {
  if (stream.isTTY !== true) return;
  const { _handle: handle } = stream as { _handle?: { readonly fd?: number; setBlocking?: (blocks: boolean) => void } };
  if (handle?.fd !== stream.fd) handle?.setBlocking?.(false);
}
