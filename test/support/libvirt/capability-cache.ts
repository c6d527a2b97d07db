import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../cache-folder.js';

const run = promisify(execFile);

/**
 * What libvirtd has found out about QEMU, which takes it some seconds each time it starts without: kept from one run of
 * the tests to the next. libvirtd itself sees to it that it does not believe what is out of date.
 */
export class CapabilityCache {
  private constructor(private readonly kept: string) {}

  /** The one that belongs to the installed versions of these programs. */
  static async of(...programs: string[]): Promise<CapabilityCache> {
    const versions = await Promise.all(programs.map((program) => run(program, ['--version'])));
    const key = createHash('sha256').update(versions.map(({ stdout }) => stdout).join('\0'));
    return new CapabilityCache(cacheFolder('libvirt-capabilities', key.digest('hex').slice(0, 16)));
  }

  /** Gives a libvirtd that is about to start what is kept. */
  copyTo(folder: string): Promise<void> {
    return copyChanged(this.kept, folder);
  }

  /** Keeps what a libvirtd that has started knows. */
  keep(folder: string): Promise<void> {
    return copyChanged(folder, this.kept);
  }
}

async function copyChanged(from: string, to: string): Promise<void> {
  await mkdir(from, { recursive: true });
  await mkdir(to, { recursive: true });
  for (const name of (await readdir(from)).filter((file) => file.endsWith('.xml'))) {
    const old = await readFile(join(to, name)).catch(() => undefined);
    if (old?.equals(await readFile(join(from, name))) === true) continue;
    const unfinished = join(to, `.${name}.${process.pid}`);
    await copyFile(join(from, name), unfinished);
    await rename(unfinished, join(to, name));
  }
}
