import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, dirname, extname, join, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { withoutByteOrderMark } from '../files/byte-order-mark.js';
import { distrust, distrustFolder } from '../files/distrust.js';
import { CORE_FOLDER, moduleFolders } from './module-folders.js';

const BESIDE_CORE = dirname(CORE_FOLDER);

/** The folder of the plugins that come with Jitsu: as npm installs them, or that of a checkout. */
const OWN_PLUGINS = basename(BESIDE_CORE) === '@jitsud' ? BESIDE_CORE : join(BESIDE_CORE, 'plugins');

/** What is imported by a literal: `from 'x'`, `import 'x'`, `import('x')`, `require('x')`. */
const IMPORT = /\b(?:from|import|require)\s*\(?\s*(['"`])([^'"`\n]+)\1/g;

const CODE = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

/** What an import without an ending may mean, and what one of the compiled file may. */
const ENDINGS = [...CODE, '.json', ...CODE.map((ending) => join(sep, `index${ending}`))];
const SOURCES: Readonly<Record<string, string>> = { '.js': '.ts', '.mjs': '.mts', '.cjs': '.cts' };

/**
 * Why root does not take a module, in the words of `distrust`. It has to be safe itself, and so has what it imports, and
 * what that imports in turn, as far as the text shows it; of packages all files and dependencies. What comes with Jitsu
 * is as safe as Jitsu itself. `undefined` if it can be taken, and for every user but root.
 *
 * @param file an existing file
 */
export function distrustModule(file: string): string | undefined {
  return process.geteuid?.() === 0 ? new Inspection().file(file) : undefined;
}

/** The same for a package with all of its files and its dependencies, and for its entry, which may lie elsewhere. */
export function distrustPackage(folder: string, entry: string): string | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const inspection = new Inspection();
  const isInside = !isFile(entry) || isBelow(realpathSync(folder), realpathSync(entry));
  return inspection.package(folder) ?? (isInside ? undefined : inspection.file(entry));
}

/** Why root does not even read what a file says, as `distrustModule` says it, without what the file imports. */
export function distrustPlace(file: string): string | undefined {
  return process.geteuid?.() !== 0 || isOwn(file) ? undefined : distrust(file);
}

/** What has been looked at is not looked at again: modules may import each other in a circle. */
class Inspection {
  readonly #seen = new Set<string>();

  file(path: string): string | undefined {
    const place = realpathSync(path);
    if (this.#isKnown(path, place)) return undefined;
    const reason = distrust(path);
    if (reason !== undefined || !CODE.includes(extname(place))) return reason;
    return firstOf([...readFileSync(place, 'utf8').matchAll(IMPORT)], ([, , name = '']) => this.#import(name, place));
  }

  package(folder: string): string | undefined {
    const place = realpathSync(folder);
    if (this.#isKnown(folder, place)) return undefined;
    return distrustFolder(folder) ?? firstOf(dependenciesOf(place), (name) => this.#dependency(name, place));
  }

  #isKnown(path: string, place: string): boolean {
    if (this.#seen.has(place) || isOwn(path)) return true;
    this.#seen.add(place);
    return false;
  }

  #import(name: string, from: string): string | undefined {
    if (isBuiltin(name)) return undefined;
    if (!/^(\.{0,2}\/|\.{1,2}$|file:)/.test(name)) {
      const [first = '', second = ''] = name.split('/', 2);
      return this.#dependency(first.startsWith('@') ? `${first}/${second}` : first, dirname(from));
    }
    return firstOf(pathsOf(name, from), (path) => {
      // Its folder, too: what is not there yet could be put there before it is imported.
      const folder = existsSync(dirname(path)) ? distrust(dirname(path)) : undefined;
      return folder ?? firstOf(meantBy(path).filter(isFile), (file) => this.file(file));
    });
  }

  #dependency(name: string, from: string): string | undefined {
    const folders = moduleFolders([from]).map((modules) => join(modules, name));
    const found = folders.find((folder) => existsSync(folder));
    if (found === undefined) return undefined;
    return isFile(found) ? this.file(found) : this.package(found);
  }
}

/** As a path, which it is for `require`, and as a URL, which it is for `import`. */
function pathsOf(name: string, from: string): readonly string[] {
  const path = resolve(dirname(from), name);
  try {
    return [...new Set([path, fileURLToPath(new URL(name, pathToFileURL(from)))])];
  } catch {
    return [path];
  }
}

function meantBy(path: string): readonly string[] {
  const ending = extname(path);
  const source = SOURCES[ending];
  const sources = source === undefined ? [] : [path.slice(0, -ending.length) + source];
  return [path, ...ENDINGS.map((end) => `${path}${end}`), ...sources];
}

/** The names in a package.json; none where it cannot be read, since then the package cannot be imported either. */
function dependenciesOf(folder: string): readonly string[] {
  try {
    const text = withoutByteOrderMark(readFileSync(join(folder, 'package.json'), 'utf8'));
    const json = JSON.parse(text) as Record<string, object | undefined>;
    const { dependencies, optionalDependencies, peerDependencies } = json;
    return Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
  } catch {
    return [];
  }
}

/** Whether a file comes with Jitsu, and not by a link that somebody else could change. */
function isOwn(file: string): boolean {
  const place = realpathSync(file);
  return isBelow(BESIDE_CORE, resolve(file)) && (isBelow(OWN_PLUGINS, place) || isBelow(CORE_FOLDER, place));
}

function isBelow(folder: string, place: string): boolean {
  return place === folder || place.startsWith(join(folder, sep));
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

function firstOf<T>(values: readonly T[], reasonFor: (value: T) => string | undefined): string | undefined {
  for (const value of values) {
    const reason = reasonFor(value);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
