/** The length in bytes at which lines are cut. */
const LONGEST_LINE = 4_000;

/** Splits a program's output into lines that fit for a log, whatever bytes it writes. */
export class LineSplitter {
  #rest = Buffer.alloc(0);
  /** Whether the rest of a line is skipped whose beginning was cut and returned already. */
  #skipping = false;

  /** The lines that are complete with these bytes. */
  push(bytes: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      this.#end(bytes.subarray(from, end), lines);
      from = end + 1;
    }
    this.#keep(bytes.subarray(from), lines);
    return lines;
  }

  /** The last line, without an end of line. */
  flush(): string[] {
    const lines: string[] = [];
    if (this.#rest.length > 0) this.#end(Buffer.alloc(0), lines);
    this.#skipping = false;
    return lines;
  }

  #end(bytes: Buffer, lines: string[]): void {
    if (!this.#skipping) lines.push(readable(Buffer.concat([this.#rest, bytes])));
    this.#rest = Buffer.alloc(0);
    this.#skipping = false;
  }

  #keep(bytes: Buffer, lines: string[]): void {
    if (this.#skipping || bytes.length === 0) return;
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (this.#rest.length <= LONGEST_LINE) return;
    lines.push(readable(this.#rest));
    this.#rest = Buffer.alloc(0);
    this.#skipping = true;
  }
}

/** Escapes control characters, which could affect the terminal of a reader of the log. */
function readable(line: Buffer): string {
  const cut = line.length > LONGEST_LINE ? ` … (cut)` : '';
  const text = line.toString('utf8', 0, LONGEST_LINE).replace(/\r$/, '');
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/g, escaped) + cut;
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}
