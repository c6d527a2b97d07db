/** The output of a command and its properties. */
export interface Terminal {
  /** Writes results. */
  out(text: string): void;
  /** Writes errors and remarks. */
  err(text: string): void;
  /** Whether the results go to a terminal. */
  readonly interactive: boolean;
  /** The width of the terminal in columns; `undefined` if unknown, so that lines need not be wrapped. */
  readonly columns: number | undefined;
  /** Whether the reader of the results has gone. */
  readonly closed: boolean;
}

/** The process's own terminal, file or pipe. A reader that stops early (`jitsu … | head`) is not an error. */
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
