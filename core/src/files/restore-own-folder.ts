import { chmodSync, existsSync, lchownSync, mkdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { errorCode } from '../errors.js';
import type { Owner } from './own-folders.js';
import { makeSafeFolder, refuseUnsafe } from './safe-folder.js';

/**
 * Makes the runtime folder of a Jitsu that has given up root, where it is gone: root's, and others may pass it.
 * @throws UnsafePath where somebody else has made it meanwhile, or may write to it
 */
export function restoreRuntimeFolder(path: string): void {
  if (existsSync(path)) return refuseUnsafe(path);
  makeSafeFolder(path);
  chmodSync(path, 0o711);
}

/**
 * Makes a folder below the runtime folder again for its owner. What is there already is the owner's, who might have laid
 * a link: nothing is made in it. To be called as root. Throws UnsafePath and file system errors.
 */
export function restoreOwnFolder(runtimeDirectory: string, path: string, { uid, gid }: Owner): void {
  restoreRuntimeFolder(runtimeDirectory);
  const made: string[] = [];
  let place = runtimeDirectory;
  for (const name of relative(runtimeDirectory, path).split(sep)) {
    place = join(place, name);
    try {
      mkdirSync(place, { mode: 0o700 });
    } catch (error) {
      if (errorCode(error) === 'EEXIST' && made.length === 0) return;
      throw error;
    }
    made.push(place);
  }
  for (const folder of made.reverse()) lchownSync(folder, uid, gid);
}
