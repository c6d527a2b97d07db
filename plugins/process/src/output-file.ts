import { errorCode } from '@jitsud/core/plugin';
import { closeSync, constants, fstatSync, ftruncate, ftruncateSync, openSync, readSync, rmSync } from 'node:fs';
import { LineSplitter } from './line-splitter.js';

/** The size at which a file is emptied once all of it has been read, in bytes. */
const EMPTIED_AT = 256 * 1_024;

/** The size at which a file is emptied whatever has been read of it, in bytes. */
const KEPT_AT_MOST = 16 * 1_024 * 1_024;

/** The largest amount that waits to be read, in bytes; of faster output, the older part is skipped. */
const READ_AT_MOST = 256 * 1_024;

/** A line counts once for each begun part of this size, in bytes, as a power of two. */
const PART_BITS = 8;

/** How much may still be read: lines, of which long ones count several times. */
export interface LineAllowance {
  left: number;
}

/** One for all files, since it is used only while one is read. */
const chunk = Buffer.allocUnsafeSlow(16 * 1_024);

/**
 * A file that a program appends its output to, and that is read as it grows.
 *
 * A pipe would be simpler, but it ties the program to Jitsu: if Jitsu dies, the program's next line kills it, and if
 * Jitsu is slow, the program has to wait.
 */
export class OutputFile {
  /** The last line that was not empty. */
  lastLine: string | undefined;
  /** Whether there is more to read than was allowed, or the file is being emptied. */
  isBehind = false;
  /** Whether the file was emptied before it was read, since it was too large. */
  hasOverflowed = false;
  #offset = 0;
  /** The bytes that were given up since the last line. */
  #skipped = 0;
  #isEmptying = false;
  readonly #lines = new LineSplitter();

  constructor(private readonly path: string) {}

  /** Makes way for a new file: where there is one, none is made. */
  makeWay(): void {
    rmSync(this.path, { force: true });
  }

  /** Continues with a file that was read before: from its end, with its last line known. */
  takeUp(): void {
    this.#withFile((file) => {
      this.#remember(this.#readTail(file, { left: 50 }));
      this.#empty(file);
    });
    this.#lines.flush();
    this.#skipped = 0;
  }

  /**
   * The new lines since the previous call, within the allowance, which is used up by them; `last`: the last ones, also a
   * line without an end.
   */
  read(last = false, allowance: LineAllowance = { left: Infinity }): string[] {
    if (last) return this.#readEnd(allowance);
    const lines: string[] = [];
    this.#withFile((file) => {
      if (allowance.left > 0 && !this.#isEmptying) this.#readFrom(file, allowance, lines);
      this.#empty(file);
    });
    this.#remember(lines);
    return lines;
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  #readEnd(allowance: LineAllowance): string[] {
    const lines = this.#withFile((file) => this.#readTail(file, allowance)) ?? [];
    lines.push(...this.#lines.flush());
    this.#remember(lines);
    return lines;
  }

  #remember(lines: readonly string[]): void {
    this.lastLine = lines.findLast((line) => line.trim() !== '') ?? this.lastLine;
  }

  #readFrom(file: number, allowance: LineAllowance, lines: string[]): void {
    const size = this.#sizeOf(file);
    this.#skip(size - this.#offset - READ_AT_MOST);
    this.#tellSkipped(allowance, lines);
    while (this.#offset < size && allowance.left > 0) {
      const length = readSync(file, chunk, 0, Math.min(chunk.length, size - this.#offset), this.#offset);
      if (length === 0) return;
      const bytes = chunk.subarray(0, affordable(chunk.subarray(0, length), allowance));
      this.#offset += bytes.length;
      for (const line of this.#lines.push(bytes)) lines.push(line);
    }
  }

  /** The last lines, of what is unread, that the allowance is enough for. */
  #readTail(file: number, allowance: LineAllowance): string[] {
    const lines: string[] = [];
    const size = this.#sizeOf(file);
    this.#skip(size - this.#offset - READ_AT_MOST);
    const bytes = Buffer.allocUnsafe(size - this.#offset);
    const length = readSync(file, bytes, 0, bytes.length, this.#offset);
    let start = allowance.left === Infinity ? 0 : length;
    for (let count = allowance.left; count > 0 && start > 0; count -= 1) {
      start = start < 2 ? 0 : bytes.lastIndexOf(10, start - 2) + 1;
    }
    this.#skip(start);
    this.#tellSkipped(allowance, lines);
    for (const line of this.#lines.push(bytes.subarray(start, length))) lines.push(line);
    this.#offset += length - start;
    return lines;
  }

  #sizeOf(file: number): number {
    const { size } = fstatSync(file);
    if (size < this.#offset) this.#offset = 0;
    return size;
  }

  #skip(bytes: number): void {
    if (bytes <= 0) return;
    this.#skipped += bytes;
    this.#offset += bytes;
  }

  #tellSkipped(allowance: LineAllowance, lines: string[]): void {
    if (this.#skipped === 0) return;
    lines.push(...this.#lines.flush(), `… (${this.#skipped} bytes skipped)`);
    // The line that was begun before may be a long one.
    allowance.left -= 16;
    this.#skipped = 0;
  }

  #empty(file: number): void {
    const { size } = fstatSync(file);
    this.isBehind = this.#isEmptying || this.#offset < size;
    if (this.#isEmptying) return;
    if (size > KEPT_AT_MOST) return this.#emptyLarge(file, size);
    // The program appends, so it continues at the new end. Between these two calls a line of it may be lost.
    if (this.#offset > EMPTIED_AT && this.#offset === size) {
      ftruncateSync(file);
      this.#offset = 0;
    }
  }

  /** Not at once: to give back the memory of a file of some hundred MiB would hold up all answers. */
  #emptyLarge(file: number, size: number): void {
    if (this.#offset < size) this.hasOverflowed = true;
    this.#skip(size - this.#offset);
    this.#isEmptying = true;
    this.isBehind = true;
    ftruncate(file, 0, () => {
      closeSync(file);
      this.#isEmptying = false;
      this.#offset = 0;
    });
  }

  #withFile<T>(use: (file: number) => T): T | undefined {
    let file: number;
    try {
      file = openSync(this.path, constants.O_RDWR | constants.O_NOFOLLOW);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    const wasEmptying = this.#isEmptying;
    try {
      return use(file);
    } finally {
      // What is being emptied is closed when it is empty.
      if (wasEmptying || !this.#isEmptying) closeSync(file);
    }
  }
}

/** The number of bytes that the allowance is enough for, which is used up by them. It ends with a line, or with all. */
function affordable(bytes: Buffer, allowance: LineAllowance): number {
  let end = 0;
  while (allowance.left > 0) {
    const next = bytes.indexOf(10, end);
    if (next < 0) return bytes.length;
    allowance.left -= 1 + ((next - end) >> PART_BITS);
    end = next + 1;
  }
  return end;
}
