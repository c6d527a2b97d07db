import { Socket } from 'node:net';

/** The number of pidfd_open(2), the same on every architecture. */
const PIDFD_OPEN = 434;

const O_CLOEXEC = 0o2_000_000;

/** The most processes that are watched: each takes a file. */
const MOST = 256;

/**
 * Tells the ends of processes that are no children, at once, by files that stand for them (pidfd_open(2)). Only Linux on
 * x64 and arm64 has it.
 */
export class ProcessEnds {
  #watched = 0;

  private constructor(private readonly calls: Calls) {}

  /** Undefined where the system cannot do it. */
  static async load(): Promise<ProcessEnds | undefined> {
    if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return undefined;
    try {
      return new ProcessEnds(await loadCalls());
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
    // Reading fails as soon as there is something to read, which means that the process has ended.
    const socket = this.#socketOn(file)?.once('error', listener).unref();
    if (socket === undefined) return undefined;
    this.#watched += 1;
    socket.once('close', () => (this.#watched -= 1));
    socket.resume();
    return {
      [Symbol.dispose]: () =>
        void socket
          .off('error', listener)
          .on('error', () => undefined)
          .destroy(),
    };
  }

  /** Node takes pipes and sockets alone, and reads from what has the number of one just as well. */
  #socketOn(file: number): Socket | undefined {
    const ends = this.calls.pipe();
    if (ends === undefined) {
      this.calls.close(file);
      return undefined;
    }
    const [reader, writer] = ends;
    const socket = new Socket({ fd: reader, readable: true, writable: false });
    const isReplaced = this.calls.replace(reader, file);
    this.calls.close(file);
    this.calls.close(writer);
    if (isReplaced) return socket;
    socket.destroy();
    return undefined;
  }
}

interface Calls {
  /** The file of a process. */
  open(pid: number): number | undefined;
  pipe(): readonly [reader: number, writer: number] | undefined;
  replace(file: number, by: number): boolean;
  close(file: number): void;
}

async function loadCalls(): Promise<Calls> {
  const { default: koffi } = await import('koffi');
  const library = koffi.load(null);
  const pipe2 = library.func('int pipe2(_Out_ int *, int)') as (ends: number[], flags: number) => number;
  const dup3 = library.func('int dup3(int, int, int)') as (from: number, to: number, flags: number) => number;
  const close = library.func('int close(int)') as (file: number) => number;
  const syscall = library.func('long syscall(long, long, long)') as (...numbers: number[]) => number;
  return {
    open: (pid) => {
      const file = syscall(PIDFD_OPEN, pid, 0);
      return file < 0 ? undefined : file;
    },
    pipe: () => {
      const ends = [0, 0];
      return pipe2(ends, O_CLOEXEC) === 0 ? (ends as [number, number]) : undefined;
    },
    replace: (file, by) => dup3(by, file, O_CLOEXEC) >= 0,
    close: (file) => void close(file),
  };
}
