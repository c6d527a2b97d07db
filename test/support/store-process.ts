import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const childFile = fileURLToPath(new URL('./store-child.js', import.meta.url));

export type StoreTask = 'open' | 'fill' | 'fill-and-open' | 'write';

export interface StoreProcessOptions {
  /** The number of the user (and group) that it runs as. */
  readonly user?: number;
  /** In bytes: a file does not grow any further. */
  readonly largestFile?: number;
  /** In KiB: a disk of its own at the folder above the store, which begins with a file `ballast` of half its size. */
  readonly disk?: number;
}

/** Another process at work on a store; killed when its scope ends. */
export class StoreProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(task: StoreTask, folder: string, { user, largestFile, disk }: StoreProcessOptions = {}) {
    const limit = largestFile === undefined ? 'unlimited' : Math.floor(largestFile / 512);
    const mount = `mount -t tmpfs -o size=${disk}k none "$0" && head -c ${(disk ?? 0) * 512} /dev/zero > "$0/ballast"`;
    // Nobody else sees the disk, and it is gone with the process.
    const [file, ...words] = disk === undefined ? ['/bin/sh'] : ['unshare', '--mount', '/bin/sh'];
    const script = `${disk === undefined ? '' : `${mount} && `}ulimit -f ${limit}; exec "$@"`;
    this.child = spawn(file!, [...words, '-c', script, dirname(folder), process.execPath, childFile, task, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
      ...(user !== undefined && { uid: user, gid: user }),
    });
    this.#lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  /** The next line that it says; `undefined` after the last. */
  async line(): Promise<string | undefined> {
    const { value, done } = (await this.#lines.next()) as IteratorResult<string, undefined>;
    return done === true ? undefined : value;
  }

  /** Ends it as a crash would, and returns what it had said by then. */
  async kill(): Promise<string[]> {
    this.child.kill('SIGKILL');
    const lines: string[] = [];
    for (let line = await this.line(); line !== undefined; line = await this.line()) lines.push(line);
    await this.ended();
    return lines;
  }

  /** The signal that ended it, or its exit status. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.signalCode ?? this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
