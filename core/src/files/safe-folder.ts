import { mkdirSync } from 'node:fs';
import { findUnsafe, type UnsafePlace } from './find-unsafe.js';

/** A path is not safe from other users. The message says which place it is, why, and what helps. */
export class UnsafePath extends Error {
  constructor(readonly place: UnsafePlace) {
    super(`${place.path} ${place.problem}`);
  }
}

/** @throws UnsafePath where other users could change what the path leads to, and file system errors */
export function refuseUnsafe(path: string): void {
  const place = findUnsafe(path);
  if (place !== undefined) throw new UnsafePath(place);
}

/**
 * Makes a folder for its owner alone (mode 0700), with those above it; one that exists is left as it is.
 * @throws UnsafePath where other users may write to it or replace it, and file system errors
 */
export function makeSafeFolder(path: string): void {
  // First, so that nothing is made where a link of somebody else leads to.
  refuseUnsafe(path);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  refuseUnsafe(path);
}
