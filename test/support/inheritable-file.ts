import { closeSync } from 'node:fs';
import koffi from 'koffi';

const O_RDWR_CREAT = 0o102;

/** Opens a file as a library of C may do it: without close-on-exec, which Node always sets. */
export class InheritableFile implements Disposable {
  readonly #descriptor: number;

  constructor(path: string) {
    const open = koffi.load(null).func('int open(const char *path, int flags, int mode)');
    this.#descriptor = open(path, O_RDWR_CREAT, 0o600) as number;
    if (this.#descriptor < 0) throw new Error(`${path} cannot be opened`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}
