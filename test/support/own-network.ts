import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

const CLONE_NEWNET = 0x4000_0000;

/**
 * A network namespace with loopback alone, in which this thread is: what it connects, and what it starts, is there. Needs
 * root. Disposed, the thread is back where it was.
 */
export class OwnNetwork implements Disposable {
  readonly #before = openSync('/proc/thread-self/ns/net', 'r');
  readonly #setns = koffi.load(null).func('int setns(int fd, int type)');

  constructor() {
    const unshare = koffi.load(null).func('int unshare(int flags)');
    if (unshare(CLONE_NEWNET) !== 0) throw new Error('no network namespace can be made here');
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
  }

  [Symbol.dispose](): void {
    this.#setns(this.#before, CLONE_NEWNET);
    closeSync(this.#before);
  }
}
