import { errorCode } from '@jitsud/core/plugin';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncate,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { LineSplitter } from './line-splitter.js';

/** The size at which a file is emptied once all of it has been read, in bytes. */
const EMPTIED_AT = 256 * 1_024;

/** The size at which a file is emptied whatever has been read of it, in bytes. */
const KEPT_AT_MOST = 16 * 1_024 * 1_024;

/** The largest amount that waits to be read, in bytes; of faster output, the older part is skipped. */
const READ_AT_MOST = 256 * 1_024;

/** The number of last lines that are kept: what a program says of its end. */
export const KEPT_LINES = 20;

/** How many of the bytes that were read last are compared with what is there now. */
const COMPARED = 32;

/** A line counts once for each begun part of this size, in bytes, as a power of two. */
const PART_BITS = 8;

/** How much may still be read: lines, of which long ones count several times. */
export interface LineAllowance {
  left: number;
}

interface ReadEnd {
  readonly bytes: string;
  /** When the file was changed last, as it was read. */
  readonly modified: number;
}

/** One for all files, since it is used only while one is read. */
const chunk = Buffer.allocUnsafeSlow(16 * 1_024);

const compared = Buffer.allocUnsafeSlow(COMPARED);

/**
 * A file that a program appends its output to, and that is read as it grows.
 *
 * A pipe would be simpler, but it ties the program to Jitsu: if Jitsu dies, the program's next line kills it, and if
 * Jitsu is slow, the program has to wait.
 *
 * A program may open the file again, and empty it, by `> /dev/stdout`. What it writes by that goes to a place that it
 * keeps by itself: where the file was emptied meanwhile, a hole is in front of it.
 */
export class OutputFile {
  /** The last lines that were not blank, oldest first. */
  lastLines: readonly string[] = [];
  /** Whether there is more to read than was allowed, or the file is being emptied. */
  isBehind = false;
  /** Whether the file was emptied before it was read, since it was too large. */
  hasOverflowed = false;
  #offset = 0;
  /** The end of what was read, to notice that the program has emptied the file and written as much again. */
  #end: ReadEnd | undefined;
  /** The bytes that were given up since the last line. */
  #skipped = 0;
  #isEmptying = false;
  readonly #lines = new LineSplitter();

  constructor(private readonly path: string) {}

  /** Makes way for a new file: where there is one, none is made. */
  makeWay(): void {
    // There seldom is one, and rmSync looks twice.
    if (lstatSync(this.path, { throwIfNoEntry: false }) !== undefined) rmSync(this.path, { force: true });
  }

  /** Continues with a file that was read before: from its end, with its last lines known. */
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
    const written = lines.filter((line) => line.trim() !== '');
    if (written.length > 0) this.lastLines = [...this.lastLines, ...written.slice(-KEPT_LINES)].slice(-KEPT_LINES);
  }

  #readFrom(file: number, allowance: LineAllowance, lines: string[]): void {
    const { size, mtimeMs } = this.#look(file, lines);
    this.#skip(size - this.#offset - READ_AT_MOST);
    this.#tellSkipped(allowance, lines);
    while (this.#offset < size && allowance.left > 0) {
      const length = readSync(file, chunk, 0, Math.min(chunk.length, size - this.#offset), this.#offset);
      if (length === 0) return;
      const bytes = chunk.subarray(0, affordable(chunk.subarray(0, length), allowance));
      this.#offset += bytes.length;
      for (const line of this.#lines.push(bytes)) lines.push(line);
      this.#end = endOf(bytes, mtimeMs);
    }
  }

  /** The last lines, of what is unread, that the allowance is enough for. */
  #readTail(file: number, allowance: LineAllowance): string[] {
    const lines: string[] = [];
    const { size, mtimeMs } = this.#look(file, lines);
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
    this.#end = endOf(bytes.subarray(0, length), mtimeMs);
    return lines;
  }

  /** Goes on at the beginning where the program has emptied the file. */
  #look(file: number, lines: string[]): Stats {
    const stats = fstatSync(file);
    if (this.#offset > 0 && this.#isAnother(file, stats)) {
      lines.push(...this.#lines.flush());
      this.#offset = 0;
      this.#end = undefined;
    }
    if (this.#offset === 0) this.#offset = endOfHole(file, stats);
    return stats;
  }

  #isAnother(file: number, { size, mtimeMs }: Stats): boolean {
    if (size < this.#offset) return true;
    if (this.#end === undefined) return false;
    const { bytes, modified } = this.#end;
    // What is appended makes it longer.
    if (size === this.#offset) return mtimeMs !== modified;
    const length = readSync(file, compared, 0, bytes.length, this.#offset - bytes.length);
    return compared.toString('latin1', 0, length) !== bytes;
  }

  #skip(bytes: number): void {
    if (bytes <= 0) return;
    this.#skipped += bytes;
    this.#offset += bytes;
    this.#end = undefined;
  }

  #tellSkipped(allowance: LineAllowance, lines: string[]): void {
    if (this.#skipped === 0) return;
    lines.push(...this.#lines.flush(), `… (${this.#skipped} bytes skipped)`);
    // The line that was begun before may be a long one.
    allowance.left -= 16;
    this.#skipped = 0;
  }

  #empty(file: number): void {
    const stats = fstatSync(file);
    const { size } = stats;
    this.isBehind = this.#isEmptying || this.#offset < size;
    if (this.#isEmptying) return;
    const taken = takenBy(stats);
    if (taken > KEPT_AT_MOST) return this.#emptyLarge(file, size);
    // The program appends, so it continues at the new end. Between these two calls a line of it may be lost.
    if (taken > EMPTIED_AT && this.#offset === size) {
      ftruncateSync(file);
      this.#offset = 0;
      this.#end = undefined;
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
      this.#end = undefined;
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

function endOf(bytes: Buffer, modified: number): ReadEnd {
  return { bytes: bytes.toString('latin1', Math.max(0, bytes.length - COMPARED)), modified };
}

/** What a file takes of its disk, in bytes: less than its size where there is a hole in it. */
function takenBy({ size, blocks }: Stats): number {
  return Math.min(size, blocks * 512);
}

/** Where the data of a file begins that was emptied while somebody went on writing behind its end. */
function endOfHole(file: number, stats: Stats): number {
  let offset = 0;
  while (offset < READ_AT_MOST + stats.size - takenBy(stats)) {
    const length = readSync(file, chunk, 0, chunk.length, offset);
    const first = chunk.subarray(0, length).findIndex((byte) => byte !== 0);
    if (first >= 0 || length === 0) return offset + Math.max(0, first);
    // What the file takes lies behind the hole.
    offset = Math.max(offset + length, stats.size - takenBy(stats));
  }
  return offset;
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
