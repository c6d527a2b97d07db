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
  /** Whether results cannot be written any more: their reader has gone, or the disk is full. */
  readonly closed: boolean;
  /** Resolves when the results are written. Rejects if they could not be, other than for a reader that has gone. */
  written(): Promise<void>;
}

/** The errors of a reader that has gone: of a pipe, and of a terminal. */
const GONE = ['EPIPE', 'EIO'];

/** The process's own terminal, file or pipe. A reader that stops early (`jitsu … | head`) is not an error. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  let closed = false;
  let failure: Error | undefined;
  let written: Promise<void> | undefined;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    closed = true;
    if (!GONE.includes(error.code ?? '')) failure ??= error;
  });
  // There is nobody to tell.
  stderr.on('error', () => undefined);
  return {
    out: (text) => {
      // An error is told after the call that it comes from.
      written = new Promise((resolve) => stdout.write(text, () => setImmediate(resolve)));
    },
    err: (text) => void stderr.write(text),
    interactive: stdout.isTTY,
    get columns() {
      return stdout.isTTY ? stdout.columns : undefined;
    },
    get closed() {
      return closed;
    },
    async written() {
      await written;
      if (failure !== undefined) throw failure;
    },
  };
}
