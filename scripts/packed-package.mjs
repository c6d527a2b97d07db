import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * Packs what npm would publish of a package.
 *
 * @param {string} folder the package's
 * @param {string} destination an existing folder
 * @returns {{ name: string, tarball: string, manifest: Record<string, any> }}
 */
export function pack(folder, destination) {
  const before = new Set(readdirSync(destination));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', destination], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [file] = readdirSync(destination).filter((name) => !before.has(name));
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return { name: manifest.name, tarball: join(destination, file), manifest };
}

/**
 * What is wrong with the shape of a packed package: files that must be there or must not, types that do not resolve.
 *
 * @param {ReturnType<typeof pack>} packed
 * @returns {string[]}
 */
export function shapeProblems({ tarball, manifest }) {
  const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''));
  const missing = ['LICENSE', 'README.md', ...namedFiles(manifest)].filter((file) => !files.includes(file));
  const surplus = files.filter((file) => /^(src|test)\/|\.test\.|\.tsbuildinfo$|(?<!\.d)\.ts$/.test(file));
  return [
    ...missing.map((file) => `${basename(tarball)} lacks ${file}`),
    ...surplus.map((file) => `${basename(tarball)} contains ${file}, which is not for users`),
    ...typeProblems(tarball, manifest),
  ];
}

/** The files that `exports` and `bin` promise. */
function namedFiles({ exports = {}, bin = {} }) {
  const targets = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(targets));
  return [...targets(exports), ...targets(bin)].map((path) => path.replace(/^\.\//, ''));
}

function typeProblems(tarball, { exports = {} }) {
  const hasTypes = Object.values(exports).some((target) => typeof target === 'object');
  if (!hasTypes) return [];
  try {
    const words = ['--profile', 'esm-only', '--no-color', '--no-emoji', tarball];
    execFileSync('node_modules/.bin/attw', words, { encoding: 'utf8' });
    return [];
  } catch (error) {
    return [`the types of ${basename(tarball)} do not resolve:\n${error.stdout ?? error.message}`];
  }
}
