import { FileWatch } from './file-watch.js';

/** The number of pidfd_open(2), the same on every architecture. */
const PIDFD_OPEN = 434;

/** The most processes that are watched: each takes a file. */
const MOST = 256;

/**
 * Tells the ends of processes that are no children, at once, by files that stand for them (pidfd_open(2)). Only Linux on
 * x64 and arm64 has it.
 */
export class ProcessEnds {
  #watched = 0;

  private constructor(
    private readonly files: FileWatch,
    private readonly calls: Calls,
  ) {}

  /** Undefined where the system cannot do it. */
  static async load(): Promise<ProcessEnds | undefined> {
    try {
      return new ProcessEnds(await FileWatch.load(), await loadCalls());
    } catch {
      // Ends are then looked for.
      return undefined;
    }
  }

  /**
   * Calls the listener when the process that has this number now has ended, whether or not its parent has collected it.
   * Returns `undefined` where it cannot be watched: it is gone, or too many are.
   */
  watch(pid: number, listener: () => void): Disposable | undefined {
    if (this.#watched >= MOST) return undefined;
    const file = this.calls.open(pid);
    if (file === undefined) return undefined;
    const socket = this.files.watch(file, listener);
    this.calls.close(file);
    if (socket === undefined) return undefined;
    this.#watched += 1;
    socket.once('close', () => (this.#watched -= 1));
    return {
      [Symbol.dispose]: () =>
        void socket
          .off('error', listener)
          .on('error', () => undefined)
          .destroy(),
    };
  }
}

interface Calls {
  /** The file of a process. */
  open(pid: number): number | undefined;
  close(file: number): void;
}

async function loadCalls(): Promise<Calls> {
  const { default: koffi } = await import('koffi');
  const library = koffi.load(null);
  const close = library.func('int close(int)') as (file: number) => number;
  const syscall = library.func('long syscall(long, long, long)') as (...numbers: number[]) => number;
  return {
    open: (pid) => {
      const file = syscall(PIDFD_OPEN, pid, 0);
      return file < 0 ? undefined : file;
    },
    close: (file) => void close(file),
  };
}
