import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TemporaryFolder } from '../temporary-folder.js';

const run = promisify(execFile);

/**
 * The names of the package files of a system that has these packages, with their versions: equal names, equal packages.
 * They are what the machine's own apt would install on a machine where nothing is. Needs the lists of apt.
 */
export async function systemPackages(packages: readonly string[]): Promise<readonly string[]> {
  using downloads = new TemporaryFolder();
  const stdout = await apt(downloads.path, '--print-uris', packages);
  return Array.from(stdout.matchAll(/^'[^']+' (\S+\.deb) /gm), ([, name]) => name!).toSorted();
}

/** Downloads them into a folder, and resolves with their paths. apt checks their signatures. */
export async function downloadSystemPackages(folder: string, packages: readonly string[]): Promise<readonly string[]> {
  await apt(folder, '--download-only', packages);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
  return names.toSorted().map((name) => join(folder, name));
}

async function apt(downloads: string, mode: string, packages: readonly string[]): Promise<string> {
  await mkdir(join(downloads, 'partial'), { recursive: true });
  const settings = [
    'Dir::State::status=/dev/null',
    `Dir::Cache::archives=${downloads}`,
    'APT::Sandbox::User=root',
    'APT::Install-Recommends=false',
    'Debug::NoLocking=true',
  ];
  const words = ['-qq', '-y', ...settings.flatMap((setting) => ['-o', setting]), mode, 'install', ...packages];
  const { stdout } = await run('apt-get', words, { maxBuffer: 2 ** 24 });
  return stdout;
}
