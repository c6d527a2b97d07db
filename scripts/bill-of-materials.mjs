/**
 * Writes the software bill of materials (CycloneDX) of what is published: `published/jitsu.cdx.json`. npm makes it of the
 * lock file, without the packages that only build and test. What is part of the packages' own files is in it, too.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** @returns {string} the file */
export function writeBillOfMaterials() {
  const scratch = mkdtempSync(join(tmpdir(), 'jitsu-bill-'));
  try {
    const home = join(scratch, 'jitsu');
    copyManifests(home);
    // npm would leave out what both the packages and their tests use (`--omit dev`), so that it is told of no tests.
    npm(home, 'prune', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund');
    const bill = JSON.parse(npm(home, 'sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'));
    const file = join(repository, 'published/jitsu.cdx.json');
    mkdirSync(join(repository, 'published'), { recursive: true });
    writeFileSync(file, `${JSON.stringify(bill, undefined, 2)}\n`);
    return file;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Copies the package.json of the workspace and of its packages, and the lock file, without what builds and tests. */
function copyManifests(home) {
  const plugins = readdirSync(join(repository, 'plugins')).map((name) => join('plugins', name));
  for (const folder of ['core', ...plugins, 'cli']) {
    mkdirSync(join(home, folder), { recursive: true });
    cpSync(join(repository, folder, 'package.json'), join(home, folder, 'package.json'));
  }
  const { version } = readJson('cli/package.json');
  const { workspaces, overrides, license, description } = readJson('package.json');
  // npm makes a bill of materials only for what has a version.
  const manifest = { name: '@jitsud/workspace', version, private: true, description, license, workspaces, overrides };
  const lock = readJson('package-lock.json');
  delete lock.packages[''].devDependencies;
  writeFileSync(join(home, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(home, 'package-lock.json'), JSON.stringify(lock));
}

function npm(folder, ...words) {
  return execFileSync('npm', words, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26 });
}

function readJson(path) {
  return JSON.parse(readFileSync(join(repository, path), 'utf8'));
}

if (import.meta.filename === process.argv[1]) console.log(`Wrote ${writeBillOfMaterials()}`);
