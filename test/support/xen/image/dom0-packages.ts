import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TemporaryFolder } from '../../temporary-folder.js';

const run = promisify(execFile);

/** What dom0 is made of. apt adds what they depend on, and chooses Xen's version by the machine's own Debian. */
const PACKAGES = [
  'xen-system-amd64',
  'xenstore-utils',
  'linux-image-amd64',
  'linux-image-cloud-amd64',
  'busybox-static',
  'bash',
  'coreutils',
  'dash',
  'grep',
  'iproute2',
  'libstdc++6',
  'mawk',
  'mount',
  'procps',
  'sed',
  'util-linux',
  'bind9-dnsutils',
] as const;

/**
 * The names of all package files of a dom0, with their versions: equal names, equal packages. They are what the
 * machine's own apt would install on a machine where nothing is. Needs the lists of apt.
 */
export async function dom0Packages(): Promise<readonly string[]> {
  using downloads = new TemporaryFolder();
  const stdout = await apt(downloads.path, '--print-uris');
  return Array.from(stdout.matchAll(/^'[^']+' (\S+\.deb) /gm), ([, name]) => name!).toSorted();
}

/** Downloads them into a folder, and resolves with their paths. apt checks their signatures. */
export async function downloadDom0Packages(folder: string): Promise<readonly string[]> {
  await apt(folder, '--download-only');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
  return names.toSorted().map((name) => join(folder, name));
}

async function apt(downloads: string, mode: string): Promise<string> {
  await mkdir(join(downloads, 'partial'), { recursive: true });
  const settings = [
    'Dir::State::status=/dev/null',
    `Dir::Cache::archives=${downloads}`,
    'APT::Sandbox::User=root',
    'APT::Install-Recommends=false',
    'Debug::NoLocking=true',
  ];
  const words = ['-qq', '-y', ...settings.flatMap((setting) => ['-o', setting]), mode, 'install', ...PACKAGES];
  const { stdout } = await run('apt-get', words, { maxBuffer: 2 ** 24 });
  return stdout;
}
