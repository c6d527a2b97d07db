import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ATTEMPTS = 5;
const PAUSE = 3000;

/** The first package that one depends on, such as the kernel that a metapackage stands for. Needs the lists of apt. */
export async function dependencyOf(name: string): Promise<string> {
  const { stdout } = await run('apt-cache', ['depends', name]);
  const dependency = /^\s*Depends: ([^\s<]+)$/m.exec(stdout)?.[1];
  if (dependency === undefined) throw new Error(`apt knows no package ${name} that depends on another one`);
  return dependency;
}

/** Downloads a package and unpacks it into a folder; nothing of it is installed. */
export async function unpackPackage(name: string, folder: string): Promise<void> {
  const download = `${folder}.download`;
  await mkdir(download, { recursive: true });
  await run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', name], { cwd: download });
  const [file] = await readdir(download);
  if (file === undefined) throw new Error(`apt-get downloaded no ${name}`);
  await run('dpkg-deb', ['-x', join(download, file), folder]);
}

/**
 * Does what needs the lists of apt. Where they are missing or old it fails, and is done again with new ones. Somebody
 * else may be fetching them too, and holds their lock: then this waits.
 */
export async function withPackageLists<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
    await run('apt-get', ['-qq', 'update']).catch(() => sleep(PAUSE));
  }
}
