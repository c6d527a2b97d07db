import { closeSync, fstatSync, ftruncateSync, readSync } from 'node:fs';
import type { CLibrary, Pointer } from './c-library.js';

/** Closes the file in programs that libxl starts. */
const MFD_CLOEXEC = 1;

/** In bytes. Longer logs are cut, and emptied as soon as no call is in flight. */
const LONGEST_EXCERPT = 16 * 1024;

/** libxl's log: a file in memory, so that the entries of a call are there when it returns. */
export class ErrorLog {
  /** A FILE of C. */
  readonly stream: Pointer;
  readonly #descriptor: number;
  #readers = 0;

  constructor(c: CLibrary) {
    this.#descriptor = c.memfd_create('libxl log', MFD_CLOEXEC);
    const stream = this.#descriptor < 0 ? null : c.fdopen(this.#descriptor, 'a');
    if (stream === null) throw new Error('no file for the log of libxl can be made');
    this.stream = stream;
  }

  /** Marks the log's end; the returned function gives the errors logged since, and is to be called once. */
  begin(): (domainId?: number) => string[] {
    const start = fstatSync(this.#descriptor).size;
    this.#readers += 1;
    return (domainId) => {
      const lines = this.#since(start);
      this.#readers -= 1;
      if (this.#readers === 0) ftruncateSync(this.#descriptor);
      return errorsOf(lines, domainId);
    };
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #since(start: number): string[] {
    const bytes = Buffer.alloc(LONGEST_EXCERPT);
    const length = readSync(this.#descriptor, bytes, 0, LONGEST_EXCERPT, start);
    return bytes.toString('utf8', 0, length).split('\n');
  }
}

/**
 * The errors among the lines of a log (`libxl: error: FILE:LINE:FUNCTION: Domain 7:words`), in libxl's words. Calls may
 * overlap: lines about another domain are left out.
 */
export function errorsOf(lines: readonly string[], domainId?: number): string[] {
  return lines.flatMap((line) => {
    const [, words] = /^\w+: (?:error|critical): (?:[\w.-]+:\d+:)?(?:[\w.]+: )?(.*)$/i.exec(line) ?? [];
    if (words === undefined) return [];
    const [, domain, rest] = /^Domain (\d+): ?(.*)$/.exec(words) ?? [];
    if (domain === undefined) return [words];
    return domainId === undefined || Number(domain) === domainId ? [rest ?? ''] : [];
  });
}
