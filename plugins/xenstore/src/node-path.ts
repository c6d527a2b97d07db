import { XenstoreError } from './xenstore-error.js';

/** XENSTORE_ABS_PATH_MAX; in bytes. */
const LONGEST_PATH = 3072;

const NODE = /^\/(?:[\w@-]+(?:\/[\w@-]+)*)?$/;
const SPECIAL = /^@[\w@-]+(?:\/\d+)?$/;

/** @throws XenstoreError `EINVAL` for an invalid absolute path, before xenstored sees it */
export function checkNodePath(path: string, verb: string): void {
  if (path.length <= LONGEST_PATH && NODE.test(path)) return;
  throw new XenstoreError(
    'EINVAL',
    `${verb} ${JSON.stringify(path.slice(0, 80))}`,
    'no absolute path of at most 3072 letters, digits and -_@, without // or a slash at the end',
  );
}

/** The same, where `@introduceDomain` and the like are valid, too. */
export function checkWatchPath(path: string): void {
  if (path.length > LONGEST_PATH || !SPECIAL.test(path)) checkNodePath(path, 'watch');
}
