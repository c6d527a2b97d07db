import { Socket } from 'node:net';

const O_CLOEXEC = 0o2_000_000;

/**
 * Tells when there is something to read in a file that Node itself does not wait for, such as one that stands for a
 * process (pidfd_open(2)) or for many sockets (epoll(7)). Only Linux on x64 and arm64 has it.
 */
export class FileWatch {
  private constructor(private readonly calls: Awaited<ReturnType<typeof loadCalls>>) {}

  /** Throws where the system, or koffi, has it not. */
  static async load(): Promise<FileWatch> {
    if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
      throw new Error(`it needs Linux on x64 or arm64, and this is ${process.platform} on ${process.arch}`);
    }
    return new FileWatch(await loadCalls());
  }

  /**
   * Calls the listener once, as soon as there is something to read. The process does not live on for it. Returns the
   * socket that stands for it, whose end is the end of the watch; `undefined` where there are too many files.
   * @param file one that cannot be read from; it is copied, and so stays the caller's
   */
  watch(file: number, listener: () => void): Socket | undefined {
    const ends = this.calls.pipe();
    if (ends === undefined) return undefined;
    const [reader, writer] = ends;
    // Node takes pipes and sockets alone, and reads from what has the number of one just as well. Reading then fails.
    const socket = new Socket({ fd: reader, readable: true, writable: false });
    const isReplaced = this.calls.replace(reader, file);
    this.calls.close(writer);
    if (!isReplaced) {
      socket.destroy();
      return undefined;
    }
    return socket.once('error', listener).unref().resume();
  }
}

async function loadCalls() {
  const { default: koffi } = await import('koffi');
  const library = koffi.load(null);
  const pipe2 = library.func('int pipe2(_Out_ int *, int)') as (ends: number[], flags: number) => number;
  const dup3 = library.func('int dup3(int, int, int)') as (from: number, to: number, flags: number) => number;
  const close = library.func('int close(int)') as (file: number) => number;
  return {
    pipe: (): readonly [reader: number, writer: number] | undefined => {
      const ends = [0, 0];
      return pipe2(ends, O_CLOEXEC) === 0 ? (ends as [number, number]) : undefined;
    },
    replace: (file: number, by: number): boolean => dup3(by, file, O_CLOEXEC) >= 0,
    close: (file: number): void => void close(file),
  };
}
