import { closeSync, constants, openSync, readFileSync } from 'node:fs';

/** Without O_NONBLOCK, a pipe in the place of the file would hold Jitsu up for ever. */
const PLAIN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The text of a file that Jitsu has written itself: no link is followed. Throws file system errors, ELOOP for a link. */
export function readOwnFile(path: string): string {
  const file = openSync(path, PLAIN);
  try {
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}
