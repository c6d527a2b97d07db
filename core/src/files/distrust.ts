import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { errorCode, errorMessage } from '../errors.js';
import { withoutByteOrderMark } from './byte-order-mark.js';
import { findUnsafe, findUnsafeIn, trustedUsers, type UnsafePlace } from './find-unsafe.js';

/** Root's own file. Its key `safeFolders` lists folders of others from which root takes configurations and plugins. */
const ROOT_SETTINGS = '/etc/jitsu/settings.json';

/**
 * Why root does not take a configuration or a plugin: somebody else could write what root would then carry out. In whole
 * sentences, with what helps. `undefined` if it can be taken, and for every user but root.
 *
 * @param path an existing file
 * @param settings the path of root's own file
 */
export function distrust(path: string, settings = ROOT_SETTINGS, trusted = trustedUsers()): string | undefined {
  return process.geteuid?.() === 0 ? whyNot(path, findUnsafe(path, trusted), settings) : undefined;
}

/** The same for a folder and all that it holds, except for `node_modules` in it. */
export function distrustFolder(folder: string, settings = ROOT_SETTINGS, trusted = trustedUsers()): string | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const unsafe = findUnsafe(folder, trusted) ?? findUnsafeIn(realpathSync(folder), trusted);
  return whyNot(folder, unsafe, settings);
}

function whyNot(path: string, unsafe: UnsafePlace | undefined, settings: string): string | undefined {
  if (unsafe === undefined) return undefined;
  const { folders, flaw } = safeFolders(settings);
  const place = realpathSync(path);
  if (folders.some((folder) => isBelow(realpathSync(folder), place))) return undefined;
  const reason = `${unsafe.path} ${unsafe.problem}.`;
  const advice =
    `Root takes them from root, from the owner of the installed Jitsu and from the user behind sudo. Call Jitsu as the ` +
    `user who owns it, give it to root (chown), or list its folder in ${settings}: { "safeFolders": ["/folder"] }`;
  return flaw === undefined ? `${reason} ${advice}` : `${reason} ${advice}; that file is not taken: ${flaw}`;
}

/** The folders that exist, and why root's own file was not taken. */
function safeFolders(settings: string): { readonly folders: readonly string[]; readonly flaw?: string } {
  let text: string;
  try {
    const unsafe = findUnsafe(settings, new Set([0]));
    if (unsafe !== undefined) return { folders: [], flaw: `${unsafe.path} ${unsafe.problem}` };
    text = withoutByteOrderMark(readFileSync(settings, 'utf8'));
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? { folders: [] } : { folders: [], flaw: errorMessage(error) };
  }
  try {
    const { safeFolders: folders } = JSON.parse(text) as { readonly safeFolders?: unknown };
    if (Array.isArray(folders) && folders.every((folder) => typeof folder === 'string' && isAbsolute(folder)))
      return { folders: (folders as readonly string[]).filter(isThere) };
    return { folders: [], flaw: 'safeFolders is no list of absolute paths' };
  } catch (error) {
    return { folders: [], flaw: errorMessage(error) };
  }
}

function isThere(folder: string): boolean {
  return lstatSync(folder, { throwIfNoEntry: false }) !== undefined;
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way.split('/', 1)[0] !== '..' && !isAbsolute(way);
}
