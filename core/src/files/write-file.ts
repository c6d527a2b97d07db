import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { errorCode } from '../errors.js';

/** Either of the last two refuses a link. */
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Makes a file of mode 0600 that is new in any case: what has its name, such as a link to another file, is removed and
 * not written to. Where it cannot be written, as on a full disk, there is none. Throws file system errors.
 */
export function writeNewFile(path: string, text: string, { flush = false } = {}): void {
  const file = openNew(path);
  try {
    writeFileSync(file, text);
    if (flush) fsyncSync(file);
  } catch (error) {
    // Half a file would count for more than none.
    rmSync(path, { force: true });
    // The system tells no path for what is written to an open file.
    throw Object.assign(error as Error, { path });
  } finally {
    closeSync(file);
  }
}

/** Puts a file in the place of another one at once, by a draft `PATH.new`. Throws file system errors. */
export function replaceFile(path: string, text: string): void {
  writeNewFile(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function openNew(path: string): number {
  try {
    return openSync(path, NEW, 0o600);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    unlinkSync(path);
    return openSync(path, NEW, 0o600);
  }
}
