import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import { shellWord } from './shell-word.js';

interface NativePackage {
  /** The folder whose `node_modules` has the package. */
  readonly home: string;
  /** The packages with its binaries, one for each platform, and their versions. */
  readonly binaries: Readonly<Record<string, string>>;
}

/**
 * What to do when a package with native code cannot be loaded, with the command that brings its binary. Such packages
 * have their binaries in packages of their own, which npm leaves out with `--omit=optional`, and which do not come along
 * when a folder is copied from a machine of another kind. No install script is needed.
 *
 * @param name the package, such as `koffi`
 * @param importer `import.meta.url` of the module that imports it
 */
export function nativePackageAdvice(
  name: string,
  importer: string,
  { platform, arch }: Pick<NodeJS.Process, 'platform' | 'arch'> = process,
): string {
  const found = nativePackage(name, importer);
  if (found === undefined) return `The package ${name} is missing. Install Jitsu anew.`;
  const { home, binaries } = found;
  // The name may end with the C library (`-gnu`, `-musl`), of which npm brings all.
  const isForHere = (binary: string): boolean => new RegExp(`[-/]${platform}-${arch}(-[a-z]+)?$`).test(binary);
  const needed = Object.entries(binaries).filter(([binary]) => isForHere(binary));
  const lacking = needed.filter(([binary]) => !isInstalled(binary, join(home, 'node_modules', name)));
  if (lacking.length === 0) {
    const missing = needed.length === 0 ? `has no binary for ${platform} on ${arch}` : `does not load here`;
    return `The package ${name} ${missing}. With a compiler, this builds it: npm rebuild --prefix ${shellWord(home)} --ignore-scripts=false ${name}`;
  }
  const words = lacking.map(([binary, version]) => `${binary}@${version}`).join(' ');
  return `The package ${name} lacks its binary, which this brings: npm install --no-save --prefix ${shellWord(home)} ${words}`;
}

function nativePackage(name: string, importer: string): NativePackage | undefined {
  try {
    const entry = createRequire(importer).resolve(name);
    const end = entry.lastIndexOf(join(sep, 'node_modules', name, sep));
    if (end === -1) return undefined;
    const home = entry.slice(0, end);
    const text = readFileSync(join(home, 'node_modules', name, 'package.json'), 'utf8');
    const { optionalDependencies = {} } = JSON.parse(text) as { optionalDependencies?: Record<string, string> };
    return { home: home === '' ? sep : home, binaries: optionalDependencies };
  } catch {
    return undefined;
  }
}

function isInstalled(binary: string, folder: string): boolean {
  const places = createRequire(join(folder, 'package.json')).resolve.paths(binary) ?? [];
  return places.some((place) => {
    try {
      readFileSync(join(place, binary, 'package.json'));
      return true;
    } catch {
      return false;
    }
  });
}
