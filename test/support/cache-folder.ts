import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/**
 * Where the tests keep what costs much to make, from one run to the next, and for all work trees of a user. It can be
 * removed at any time.
 */
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'jitsu-test');
const DAY = 24 * 60 * 60 * 1000;

/** A folder in the cache, such as `guest`. It need not be there. */
export function cacheFolder(...names: string[]): string {
  return join(CACHE, ...names);
}

/** The folders in one, none of them half made. */
export async function finishedFoldersIn(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((name) => !name.startsWith('.'));
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

/**
 * Says that a folder of the cache is in use, and removes those beside it that were not for these days; half made ones,
 * which a killed process has left, after a day.
 */
export async function keepWhatIsUsed(folder: string, days: number): Promise<void> {
  const now = Date.now();
  await utimes(folder, now / 1000, now / 1000);
  for (const name of await namesIn(dirname(folder))) {
    const path = join(dirname(folder), name);
    const limit = name.startsWith('.') ? 1 : days;
    const age = now - ((await stat(path).catch(() => undefined))?.mtimeMs ?? now);
    if (age > limit * DAY) await rm(path, { recursive: true, force: true });
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}
