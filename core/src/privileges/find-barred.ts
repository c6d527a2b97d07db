import { realpathSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import type { RunUser } from './run-user.js';

/**
 * The folder or file by which a user is kept from reading a file, or from passing to a folder: by its mode, since access
 * lists rarely say anything else. `undefined` where nothing keeps him. Throws file system errors.
 *
 * @param right what the user needs at the end of the path
 */
export function findBarred(path: string, right: 'read' | 'pass', user: RunUser): string | undefined {
  for (const way of new Set([path, realpathSync(path)])) {
    for (const place of placesOn(way)) {
      const needed = place === way && right === 'read' ? 0o4 : 0o1;
      if ((bitsFor(statSync(place), user) & needed) === 0) return place;
    }
  }
  return undefined;
}

/** All folders above a path, the highest first, and the path itself. */
function placesOn(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [...placesOn(above), path];
}

function bitsFor({ uid, gid, mode }: Stats, user: RunUser): number {
  if (uid === user.uid) return mode >> 6;
  return gid === user.gid || user.groups.includes(gid) ? mode >> 3 : mode;
}
