import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  lchownSync,
  lstatSync,
  openSync,
  readdirSync,
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
 * up root. Where an earlier Jitsu has left it to another user, root takes it back meanwhile.
 * @throws UnsafePath where other users may write to it or replace it, and file system errors
 */
export function makeOwnFolder(path: string): void {
  const folder = resolve(path);
  const before = process.geteuid?.() === 0 ? takeBack(folder) : undefined;
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
  for (const folder of ownFolders()) giveTree(folder, owner);
}

/** Gives what root has taken back to whom it belonged to: another Jitsu may run as that user. */
export function handBack(): void {
  for (const folder of ownFolders()) {
    const before = folders.get(folder);
    if (before !== undefined) giveTree(folder, before);
  }
}

/** @returns the former owner, where there was one */
function takeBack(folder: string): Owner | undefined {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true || trustedUsers().has(stats.uid)) return undefined;
  // Nobody but those who are trusted has put it there, and nobody else can replace it.
  refuseUnsafe(dirname(folder));
  takeTree(folder);
  return { uid: stats.uid, gid: stats.gid };
}

/**
 * From the top, so that from then on nobody else can change what is looked at. What could lead elsewhere is removed:
 * links, files with a second name, pipes.
 */
function takeTree(folder: string): void {
  const directory = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    fchownSync(directory, 0, 0);
    fchmodSync(directory, 0o700);
  } finally {
    closeSync(directory);
  }
  for (const path of entriesOf(folder)) {
    const stats = lstatSync(path);
    if (stats.isDirectory()) takeTree(path);
    else if (!stats.isFile() || stats.nlink !== 1) unlinkSync(path);
  }
}

/** From the bottom, so that nobody else can change what is not given yet. */
function giveTree(folder: string, { uid, gid }: Owner): void {
  for (const path of entriesOf(folder)) {
    const stats = lstatSync(path);
    if (stats.isDirectory()) giveTree(path, { uid, gid });
    else if (stats.isFile() && stats.nlink === 1) lchownSync(path, uid, gid);
  }
  lchownSync(folder, uid, gid);
}

function entriesOf(folder: string): string[] {
  return readdirSync(folder).map((name) => join(folder, name));
}
