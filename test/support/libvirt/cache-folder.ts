import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the tests keep what costs much to make, from one run to the next. It can be removed at any time. */
const CACHE = fileURLToPath(new URL('../../../../node_modules/.cache', import.meta.url));

/** A folder in the cache, such as `jitsu-guest`. It need not be there. */
export function cacheFolder(...names: string[]): string {
  return join(CACHE, ...names);
}

/** The folders in one, none of them half made. */
export async function finishedFoldersIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => !name.startsWith('.'));
  } catch {
    return [];
  }
}

/**
 * Makes a folder that is either whole or not there, also when two processes make it at once: the first one to finish
 * wins, the other takes that.
 */
export async function makeAtOnce(folder: string, fill: (unfinished: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const unfinished = await mkdtemp(join(dirname(folder), `.${basename(folder)}-`));
  try {
    await fill(unfinished);
    await rename(unfinished, folder);
  } catch (error) {
    if (!(await finishedFoldersIn(dirname(folder))).includes(basename(folder))) throw error;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
