import { readFile } from 'node:fs/promises';
import { errorCode, withoutByteOrderMark } from '@jitsud/core/plugin';

/**
 * A file that is read anew each time, so that a change of it is noticed. What was read last is kept for the time when
 * Jitsu, having given up root, may not read it any more.
 */
export class KeptFile {
  #text: string | undefined;

  constructor(readonly path: string) {}

  /** Throws file system errors. */
  async read(): Promise<string> {
    try {
      this.#text = withoutByteOrderMark(await readFile(this.path, 'utf8'));
    } catch (error) {
      if (this.#text === undefined || !['EACCES', 'EPERM'].includes(errorCode(error) ?? '')) throw error;
    }
    return this.#text;
  }
}
