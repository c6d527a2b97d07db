import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { errorCode } from '../errors.js';

/** Without O_NONBLOCK, a pipe in the place of the file would hold Jitsu up for ever. */
const PLAIN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** No file that Jitsu writes for itself and reads whole is longer, in bytes. */
const LONGEST = 65_536;

/** The errors for what is no file of ours: nothing there, a link, a socket. */
const NO_FILE: readonly unknown[] = ['ENOENT', 'ELOOP', 'ENXIO'];

/**
 * The text of a file that Jitsu has written itself; `undefined` where there is none, or something else in its place: no
 * link is followed, and no pipe or long file read. Throws file system errors, EISDIR for a folder.
 */
export function readOwnFile(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, PLAIN);
  } catch (error) {
    if (NO_FILE.includes(errorCode(error))) return undefined;
    throw error;
  }
  try {
    const stats = fstatSync(file);
    const isOther = !stats.isFile() && !stats.isDirectory();
    return isOther || (stats.isFile() && stats.size > LONGEST) ? undefined : readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}
