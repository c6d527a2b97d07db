import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  lchownSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { trustedUsers } from './find-unsafe.js';
import { makeSafeFolder, refuseUnsafe } from './safe-folder.js';

/** Whom something on the disk belongs to. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The folders that this process writes to, each with the user from whom root has taken it back. */
const folders = new Map<string, Owner | undefined>();

/**
 * Makes a safe folder in which this process makes, replaces and removes files as long as it runs, also after it has given
 * up root. Where an earlier Jitsu has left it to another user, root takes it back meanwhile, and removes all that is no
 * file.
 *
 * @param inner the names of the folders that may be in it, which are made by this function, too
 * @throws UnsafePath where other users may write to it or replace it, and file system errors
 */
export function makeOwnFolder(path: string, inner: readonly string[] = []): void {
  const folder = resolve(path);
  const before = process.geteuid?.() === 0 ? takeBack(folder, inner) : undefined;
  makeSafeFolder(folder);
  folders.set(folder, before ?? folders.get(folder));
}

/** The folders made by `makeOwnFolder` that are still there, but for those that lie in another one. */
export function ownFolders(): readonly string[] {
  const all = [...folders.keys()].filter((folder) => lstatSync(folder, { throwIfNoEntry: false }) !== undefined);
  return all.filter((folder) => !all.some((above) => folder.startsWith(`${above}/`)));
}

/** Gives all own folders and what is in them to a user. To be called as root. Throws file system errors. */
export function handOver(owner: Owner): void {
  for (const folder of ownFolders()) giveTree(folder, owner, folders.get(folder));
}

/** Gives what root has taken back to whom it belonged to: another Jitsu may run as that user. */
export function handBack(): void {
  for (const folder of ownFolders()) {
    const before = folders.get(folder);
    if (before !== undefined) giveTree(folder, before, before);
  }
}

/** @returns the former owner, where there was one */
function takeBack(folder: string, inner: readonly string[]): Owner | undefined {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true || trustedUsers().has(stats.uid)) return undefined;
  // Nobody but those who are trusted has put it there, and nobody else can replace it.
  refuseUnsafe(dirname(folder));
  takeTree(folder, inner);
  return { uid: stats.uid, gid: stats.gid };
}

/**
 * From the top, so that from then on nobody else can change what is looked at. What could lead elsewhere is removed:
 * links, files with a second name, pipes; and folders where a file should be, which could not be replaced.
 */
function takeTree(folder: string, inner: readonly string[] = []): void {
  takeFolder(folder);
  for (const name of namesIn(folder)) {
    const path = inFolder(folder, name);
    const stats = lstatSync(path);
    const isInner = inner.includes(name.toString());
    if (stats.isDirectory() && isInner) takeTree(join(folder, name.toString()));
    else if (stats.isDirectory()) discard(path, folder);
    else if (!stats.isFile() || stats.nlink !== 1 || isInner) unlinkSync(path);
  }
}

function takeFolder(folder: string | Buffer): void {
  const directory = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchownSync(directory, 0, 0);
    fchmodSync(directory, 0o700);
  } finally {
    closeSync(directory);
  }
}

/** Removes a folder of whatever depth. What is in it is moved up first: its path may be longer than the system takes. */
function discard(folder: Buffer, above: string): void {
  const discarded = [folder];
  for (let next = discarded.pop(); next !== undefined; next = discarded.pop()) {
    takeFolder(next);
    for (const name of namesIn(next)) {
      const path = inFolder(next, name);
      if (!lstatSync(path).isDirectory()) {
        unlinkSync(path);
        continue;
      }
      const moved = Buffer.from(join(above, `discarded-${randomUUID()}`));
      renameSync(path, moved);
      discarded.push(moved);
    }
    rmdirSync(next);
  }
}

/** As they are, since they may be no UTF-8. */
function namesIn(folder: string | Buffer): Buffer[] {
  return readdirSync(folder, { encoding: 'buffer' });
}

function inFolder(folder: string | Buffer, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(folder), Buffer.from('/'), name]);
}

/**
 * From the bottom, so that nobody else can change what is not given yet. A file of neither root nor the former owner, and
 * one that its group may write to, keeps its group and can be written to by it, as the files that programs write their
 * output to.
 */
function giveTree(folder: string | Buffer, { uid, gid }: Owner, before: Owner | undefined): void {
  for (const path of namesIn(folder).map((name) => inFolder(folder, name))) {
    const stats = lstatSync(path);
    if (stats.isDirectory()) giveTree(path, { uid, gid }, before);
    if (!stats.isFile() || stats.nlink !== 1) continue;
    const isShared = (stats.uid !== 0 && stats.uid !== before?.uid) || (stats.mode & 0o020) !== 0;
    lchownSync(path, uid, isShared ? stats.gid : gid);
    if (isShared && (stats.mode & 0o777) !== 0o660) chmodSync(path, 0o660);
  }
  lchownSync(folder, uid, gid);
}
