import type { Terminal } from '#cli/terminal.js';

/** A terminal that keeps what is written. */
export interface CapturedTerminal extends Terminal {
  readonly stdout: string;
  readonly stderr: string;
}

/** A pipe; with `columns`, a person's terminal of that width. */
export function capturedTerminal(columns?: number): CapturedTerminal {
  const written = { out: '', err: '' };
  return {
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    interactive: columns !== undefined,
    columns,
    closed: false,
    written: () => Promise.resolve(),
    get stdout() {
      return written.out;
    },
    get stderr() {
      return written.err;
    },
  };
}
