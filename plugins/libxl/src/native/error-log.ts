import { closeSync, fstatSync, ftruncateSync, readSync } from 'node:fs';
import type { CLibrary, Pointer } from './c-library.js';

/** Close it in programs that libxl starts. */
const MFD_CLOEXEC = 1;

/** In bytes. What is longer than this is cut, and emptied as soon as no call is on its way. */
const LONGEST_EXCERPT = 16 * 1024;

/** Where libxl writes its log: a file in memory, so that what a call has to say is there when it returns. */
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

  /** Notes where the log stands; what is called hands back the errors that were logged since, and is to be called once. */
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
 * overlap: what is said of another domain is left out.
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
