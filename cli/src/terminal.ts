/** Where a command writes, and what it knows of who reads. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Errors and remarks. */
  err(text: string): void;
  /** Whether a person reads the results. */
  readonly interactive: boolean;
  /** The width of a person's terminal; `undefined` where nobody's is known, and lines may be as long as they like. */
  readonly columns: number | undefined;
  /** Whether nobody reads the results any more. */
  readonly closed: boolean;
}

/** The terminal, file or pipe that the process was started with. Whoever stops reading (`jitsu … | head`) is no error. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  let closed = false;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    closed = true;
  });
  stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    interactive: stdout.isTTY,
    get columns() {
      return stdout.isTTY ? stdout.columns : undefined;
    },
    get closed() {
      return closed;
    },
  };
}
