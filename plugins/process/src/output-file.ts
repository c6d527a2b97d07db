import { errorCode } from '@jitsud/core/plugin';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, rmSync } from 'node:fs';
import { LineSplitter } from './line-splitter.js';

/** The size at which a file is emptied once all of it has been read, in bytes. */
const EMPTIED_AT = 256 * 1_024;

/** The largest amount that is read at a time, in bytes; of faster output, the older part is skipped. */
const READ_AT_MOST = 256 * 1_024;

/**
 * A file that a program appends its output to, and that is read as it grows.
 *
 * A pipe would be simpler, but it ties the program to Jitsu: if Jitsu dies, the program's next line kills it, and if
 * Jitsu is slow, the program has to wait.
 */
export class OutputFile {
  /** The last line that was not empty. */
  lastLine: string | undefined;
  #offset = 0;
  readonly #lines = new LineSplitter();

  constructor(private readonly path: string) {}

  /** Removes the old file. @returns the path where the new one is to be made */
  makeWay(): string {
    rmSync(this.path, { force: true });
    return this.path;
  }

  /** Continues with a file that was read before: from its end, with its last line known. */
  takeUp(): void {
    this.read();
    this.#lines.flush();
  }

  /** The new lines since the previous call; `last`: also a line without an end. */
  read(last = false): string[] {
    const lines = this.#withFile((file) => this.#readFrom(file)) ?? [];
    if (last) lines.push(...this.#lines.flush());
    this.lastLine = lines.findLast((line) => line.trim() !== '') ?? this.lastLine;
    return lines;
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  #readFrom(file: number): string[] {
    const lines: string[] = [];
    const { size } = fstatSync(file);
    if (size < this.#offset) this.#offset = 0;
    const skipped = size - this.#offset - READ_AT_MOST;
    if (skipped > 0) {
      lines.push(...this.#lines.flush(), `… (${skipped} bytes skipped)`);
      this.#offset += skipped;
    }
    const bytes = Buffer.allocUnsafe(size - this.#offset);
    const length = readSync(file, bytes, 0, bytes.length, this.#offset);
    this.#offset += length;
    lines.push(...this.#lines.push(bytes.subarray(0, length)));
    // The program appends, so it continues at the new end. Between these two calls a line of it may be lost.
    if (this.#offset > EMPTIED_AT && fstatSync(file).size === this.#offset) {
      ftruncateSync(file);
      this.#offset = 0;
    }
    return lines;
  }

  #withFile<T>(use: (file: number) => T): T | undefined {
    let file: number;
    try {
      file = openSync(this.path, constants.O_RDWR | constants.O_NOFOLLOW);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return use(file);
    } finally {
      closeSync(file);
    }
  }
}
